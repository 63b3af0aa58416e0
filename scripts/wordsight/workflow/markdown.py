"""Tables in Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Table in Markdown.

    >>> print(table(["a", "b"], [["1|2", "3\n4"]]), end="")
    | a | b |
    |---|---|
    | 1\|2 | 3 4 |
    """
    lines = [_line(head), "|" + "---|" * len(head), *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Text without line breaks and with bars escaped, so that it stays in one cell."""
    return " ".join(text.split()).replace("|", r"\|")
