"""How linear classifiers are fitted on features, by protocols and in the search for learning rates."""

from typing import Annotated, Any

from pydantic import Field

from wordsight.catalogue.prose import Piece
from wordsight.catalogue.section import Count, Fraction, Positive, Section
from wordsight.catalogue.values import UNIQUE


class ProbeParameters(Section):
    """How a linear classifier is fitted on features."""

    regularisation: Annotated[list[Positive], Field(min_length=1), UNIQUE] = Field(
        default=[1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0], description="L2 strengths to choose from."
    )
    validation_fraction: Fraction = Field(
        default=0.2, description="Share of the training items of each class on which the strength is chosen."
    )
    max_iterations: Count = Field(
        default=1000, description="Most iterations of the solver for each strength."
    )


def fitted_on(section: dict[str, Any], features: str) -> Piece:
    """Say for a paper how the classifier was fitted, by the values of :class:`ProbeParameters`."""
    strengths, share = section["regularisation"], 100 * section["validation_fraction"]
    chosen = (
        f"its L2 strength chosen from {len(strengths)} between {min(strengths):g} and {max(strengths):g} on "
        f"{share:g}% of them"
        if len(strengths) > 1
        else f"with an L2 strength of {strengths[0]:g}"
    )
    return f"a multinomial logistic regression was fitted on {features}, {chosen}"
