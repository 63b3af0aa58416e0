"""How numbers are written in figures and text; an unknown number is a dash.

Tables have NaN where there is no number, and records None; both are written alike.
"""

import math

UNKNOWN = "–"
EXACT = 100  # an estimated count up to this is written in full


def fixed(value: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Write a number with ``digits`` decimals, and with its sign if asked; zero has no sign.

    >>> fixed(3.21, sign=True), fixed(-0.5), fixed(-0.01), fixed(float("nan"))
    ('+3.2', '−0.5', '0.0', '–')
    """
    if value is None or math.isnan(value):
        return UNKNOWN
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    return f"{0:.{digits}f}" if float(text) == 0 else text.replace("-", "−")


def points(share: float | None, *, sign: bool = False) -> str:
    """Write a share in percent, or a difference of shares in percentage points.

    >>> points(0.2149), points(-0.0681, sign=True)
    ('21.5', '−6.8')
    """
    return fixed(None if share is None else 100 * share, sign=sign)


def span(ends: tuple[float, float] | None) -> str:
    """Write an interval of a difference of shares in percentage points.

    >>> span((-0.01, 0.032)), span(None)
    ('−1.0 to +3.2', '–')
    """
    return UNKNOWN if ends is None else " to ".join(points(end, sign=True) for end in ends)


def alike(*shares: float) -> list[str]:
    """Write shares that are shown together in percent: one decimal, or two if one would round any to zero.

    >>> alike(0.2149, 0.1432, 0.3176), alike(-0.0685, -0.1704, 0.0004)
    (['21.5', '14.3', '31.8'], ['−6.85', '−17.04', '0.04'])
    """
    hidden = any(0 < abs(100 * share) < 0.05 for share in shares)
    return [fixed(100 * share, 2 if hidden else 1) for share in shares]


def shortest(share: float) -> str:
    """Write a share such as a margin in percent, with at most three digits and without needless zeros.

    >>> shortest(0.03), shortest(0.025), shortest(0.0361462)
    ('3', '2.5', '3.61')
    """
    return f"{100 * share:.3g}"


def percent(share: float | None, digits: int = 0, *, sign: bool = False) -> str:
    """Write a share in percent with the percent sign.

    >>> percent(0.95), percent(0.4567, 1)
    ('95%', '45.7%')
    """
    text = fixed(None if share is None else 100 * share, digits, sign=sign)
    return text if text == UNKNOWN else f"{text}%"


def probability(p: float | None) -> str:
    """Write a p-value.

    >>> probability(0.04), probability(0.0001)
    ('0.040', '<0.001')
    """
    return "<0.001" if p is not None and p < 0.001 else fixed(p, 3)


def estimated(count: float) -> str:
    """Write an estimated count, rounded up, and with two significant digits where it is large.

    >>> estimated(7.2), estimated(4321.0)
    ('8', '4,300')
    """
    number = math.ceil(count)
    return f"{round(number, 2 - len(str(number))) if number > EXACT else number:,}"
