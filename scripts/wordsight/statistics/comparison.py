"""A contrast with its models resolved: what the statistics compare."""

from pydantic import Field

from wordsight.catalogue.section import Section


class Comparison(Section):
    """A contrast with its models resolved.

    Attributes
    ----------
    name, question : as in the configuration
    pairs : (treatment, control) names of models
    groups : for each pair, the traits on which its two models agree; empty when nothing is matched, or only
        by seed
    seeds : of each model, where sides are matched by nothing but the seed
    families : of each model that belongs to one, the family; models of one family and side count once
    elsewhere : for each further place where its networks are read, the model there in place of a compared one
    baseline : whether one side is untrained, which gives effects and intervals but no verdicts
    metrics : what is compared, by protocol; its primary metric where none is named
    """

    name: str
    question: str = ""
    pairs: list[tuple[str, str]]
    groups: list[str]
    seeds: dict[str, int] = Field(default_factory=dict)
    families: dict[str, str] = Field(default_factory=dict)
    elsewhere: dict[str, dict[str, str]] = Field(default_factory=dict)
    baseline: bool = False
    metrics: dict[str, str] = Field(default_factory=dict)

    def metric_of(self, protocol: str, primary: str) -> str:
        """Metric that is compared on a protocol."""
        return self.metrics.get(protocol, primary)

    @property
    def sides(self) -> tuple[list[str], list[str]]:
        """Treatments and controls, each once, in the order of the pairs."""
        treatments, controls = (list(dict.fromkeys(pair[side] for pair in self.pairs)) for side in (0, 1))
        return treatments, controls

    def at(self, place: str) -> "Comparison":
        """The same with features read at another place, for the networks that are read there."""
        there = self.elsewhere[place]
        pairs = [(there.get(one, one), there.get(other, other)) for one, other in self.pairs]
        seeds, families = (
            {there.get(model, model): value for model, value in values.items()}
            for values in (self.seeds, self.families)
        )
        return self.model_copy(update={"pairs": pairs, "seeds": seeds, "families": families})

    def by_seed(self) -> "Comparison | None":
        """The same with its sides matched by seed; None where they share fewer than two seeds."""
        pairs = self.pairs if self.seeds else []
        kept = [(one, other) for one, other in pairs if self.seeds[one] == self.seeds[other]]
        groups = [str(self.seeds[treatment]) for treatment, _ in kept]
        if len(set(groups)) < 2:
            return None
        return self.model_copy(update={"pairs": kept, "groups": groups})
