"""A contrast with its models resolved: what the statistics compare."""

from wordsight.catalogue.section import Section


class Comparison(Section):
    """A contrast with its models resolved.

    Attributes
    ----------
    name, question : as in the configuration
    pairs : (treatment, control) names of models
    groups : for each pair, the traits on which its two models agree; empty when nothing is matched
    """

    name: str
    question: str = ""
    pairs: list[tuple[str, str]]
    groups: list[str]

    @property
    def sides(self) -> tuple[list[str], list[str]]:
        """Treatments and controls, each once, in the order of the pairs."""
        treatments, controls = (list(dict.fromkeys(pair[side] for pair in self.pairs)) for side in (0, 1))
        return treatments, controls
