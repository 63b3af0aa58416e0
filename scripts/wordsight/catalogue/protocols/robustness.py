"""The record of robustness."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from wordsight.catalogue.fitting import ProbeParameters
from wordsight.catalogue.prose import Cite, Sentence, counted, join
from wordsight.catalogue.protocols.record import Drawing, Metric, Mode, Protocol
from wordsight.catalogue.section import SOUND, Count, Positive, Section

HEADS = {
    "own": "the encoder's own classifier",
    "fitted": "a logistic regression on training features",
    "own_or_fitted": (
        "the encoder's own classifier, or a logistic regression on training features where it has none,"
    ),
    "text": "the nearest sentence that names a class, by the encoder's text tower,",
}
# What breaks an image at the smallest radius, from the cheapest attack on; their names in tables.
ATTACKS = {
    "one_step": "one step",
    "pgd": "descent",
    "apgd_ce": "Auto-PGD, cross-entropy",
    "apgd_dlr": "Auto-PGD, ratio",
    "targeted": "targeted",
    "minimum_norm": "minimum norm",
}


def _ascending(radii: list[float]) -> list[float]:
    """Refuse radii that are repeated or not in order: the area under the curve is one over a grid."""
    for smaller, larger in pairwise(radii):
        if larger <= smaller:
            raise PydanticCustomError(
                "ascending",
                "expected each radius once, from the smallest to the largest, but {larger} follows {smaller}",
                {"larger": f"{larger:g}", "smaller": f"{smaller:g}"},
            )
    return radii


class Parameters(ProbeParameters):
    """Linf projected gradient descent in pixel space, over a grid of radii."""

    epsilons: Annotated[
        list[Annotated[float, Field(gt=0, le=1), SOUND]], Field(min_length=1), AfterValidator(_ascending)
    ] = Field(
        default=[
            1e-4,
            2e-4,
            5e-4,
            8e-4,
            1e-3,
            5e-3,
            1e-2,
            5e-2,
            0.1,
            0.5,
            1.0,
        ],
        description="Radii to try: the largest change of a pixel, as a share of its range.",
    )
    l2_epsilons: (
        Annotated[list[Annotated[float, Field(gt=0), SOUND]], Field(min_length=1), AfterValidator(_ascending)]
        | None
    ) = Field(
        default=None,
        description=(
            "Radii of attacks in the L2 ball, beside those above: the Euclidean length of the change, over "
            "all pixels and channels, of which each ranges from 0 to 1. None when left out."
        ),
    )
    steps: Count = Field(default=20, description="Steps of an attack; paper mode takes 100.")
    relative_step: Positive | None = Field(
        default=None, description="Length of a step as a share of the radius; 2.5 / `steps` when left out."
    )
    targeted: bool = Field(
        default=False,
        description=(
            "Whether each image is also attacked to be taken for one other class: in paper mode for "
            "(label + 800) modulo the number of classes, else for a class that is drawn for the image."
        ),
    )
    apgd_steps: Count | None = Field(
        default=None,
        description=(
            "Steps of each attack by Auto-PGD, as in AutoAttack, which takes 100. In sound mode, an image "
            "then resists a radius only if it also resists these attacks on the cross-entropy and on the "
            "difference of logits ratio to each of the nine next classes. There are none when left out."
        ),
    )
    minimum_norm: bool = Field(
        default=False,
        description=(
            "Whether each image also gets an attack that looks for the smallest change, whatever the radii."
        ),
    )
    batch_size: Count = Field(
        default=16,
        description="Images of 224 × 224 pixels that are attacked together; more if images are smaller.",
    )


class AttackedDataset(Section):
    """Which classifier is attacked on a dataset, and on how many of its test images."""

    head: Literal["own", "fitted", "own_or_fitted", "text"] = Field(
        description=(
            "`own`: the network's own classifier, for models whose `classifier` is the dataset's "
            "`label_space`. `fitted`: a logistic regression on the training features, for all models. "
            "`own_or_fitted`: the own one of models that have it, and a fitted one for the others. `text`: "
            "the class whose name is nearest, for models of open_clip with `features: embedding` whose text "
            "tower is among the `text_models`, by the same `name`, `pretrained` and `path`."
        )
    )
    images: Count = Field(
        default=20,
        description=(
            "Test images to draw, the same for every model; all of them if there are fewer. Paper mode draws "
            "those of the paper."
        ),
    )


def method(section: Mapping[str, Any], mode: Mode) -> Sentence:
    """Sentence for a paper."""
    radii = section["epsilons"]
    number = counted(len(radii), "radius", "radii")
    span = f"{number} from {min(radii):g} to {max(radii):g} of the pixel range"
    heads = _heads(section["datasets"])
    attack = "untargeted and targeted" if section["targeted"] else "untargeted"
    start = f"images were attacked by {attack} projected gradient descent in an L-infinity ball"
    if (lengths := section.get("l2_epsilons")) is not None:
        among = counted(len(lengths), "radius", "radii")
        start += f", and untargeted in an L2 ball of {among} from {min(lengths):g} to {max(lengths):g}"
    attacked = f"the attacked classifier was {heads}"
    if mode == "paper":
        return [start, Cite(("madry2018", "rauber2020")), f", at each of {span}; {attacked}"]
    steps = f"with {counted(section['steps'], 'step')} from a random start"
    strong: Sentence = []
    if (ascents := section.get("apgd_steps")) is not None:
        losses = "the cross-entropy and the difference of logits ratio to each of the nine next classes"
        strong = [f", and by Auto-PGD of {counted(ascents, 'step')} on {losses}", Cite(("croce2020",))]
    aim = f"to find for each image the smallest of {span} that makes the classifier wrong"
    return [start, Cite(("madry2018",)), f", {steps}", *strong, f", {aim}; {attacked}"]


def _heads(datasets: Mapping[str, Mapping[str, Any]]) -> str:
    return join(
        [
            f"{HEADS[section['head']]} for {counted(section['images'], 'image')} of {name}"
            for name, section in datasets.items()
        ]
    )


PROTOCOL = Protocol(
    name="robustness",
    title="Robustness",
    question="How small a change makes the classifier wrong?",
    parameters=Parameters,
    per_dataset=AttackedDataset,
    reads=("train",),
    runs_encoder=True,
    primary="robust_area",
    metrics={
        "accuracy": Metric(
            words="accuracy",
            meaning=(
                "1 when the image is right without attack (`epsilon` 0) or still right at that radius, else 0"
            ),
        ),
        "min_epsilon": Metric(
            words="smallest breaking radius",
            meaning=(
                "smallest radius of the grid that breaks the image; 0 when it is wrong without attack, "
                "infinite when none does"
            ),
            unit="of the pixel range",
            statistic="median",
        ),
        "robust_area": Metric(
            words="area under the robustness curve",
            meaning=(
                "area under `accuracy` over the logarithm of the radius, from the smallest to the largest "
                "of the grid"
            ),
        ),
        "targeted_resistance": Metric(
            words="share not taken for the target",
            meaning=(
                "with `targeted`: 1 when the classifier doesn't take the attacked image for its target class "
                "at that radius (`epsilon` 0: without attack), else 0"
            ),
        ),
        "targeted_min_epsilon": Metric(
            words="smallest radius of a targeted attack",
            meaning=(
                "smallest radius of the grid at which the image is taken for its target class; infinite when "
                "at none"
            ),
            unit="of the pixel range",
            statistic="median",
        ),
        "targeted_area": Metric(
            words="area under the curve of targeted attacks",
            meaning="area under `targeted_resistance`, as `robust_area`",
        ),
        "one_step_min_epsilon": Metric(
            words="smallest radius of one step",
            meaning=(
                "smallest radius of the grid at which one step along the sign of the gradient breaks the "
                "image; where it is above `min_epsilon`, only the descent was strong enough"
            ),
            unit="of the pixel range",
            mode="sound",
            statistic="median",
        ),
        "strongest": Metric(
            words="share that an attack breaks at the smallest radius",
            meaning=(
                "with the name of an attack as the parameter: 1 when this attack breaks the image at the "
                "smallest radius of all, else 0. Of several with the same radius, the first counts, in the "
                "order `one_step`, `pgd` (the descent), `apgd_ce` and `apgd_dlr` (with `apgd_steps`), "
                "`targeted`, `minimum_norm`"
            ),
        ),
        "l2_accuracy": Metric(
            words="accuracy in L2",
            meaning="with `l2_epsilons`: as `accuracy`, with the L2 norm of the change as the radius",
        ),
        "l2_min_epsilon": Metric(
            words="smallest breaking radius in L2",
            meaning="smallest radius of `l2_epsilons` that breaks the image, as `min_epsilon`",
            unit="of the pixel range",
            statistic="median",
        ),
        "l2_area": Metric(
            words="area under the robustness curve in L2",
            meaning="area under `l2_accuracy`, as `robust_area`",
        ),
        "minimum_norm": Metric(
            words="smallest change found",
            meaning=(
                "with `minimum_norm`: largest change of a pixel in the smallest change that makes the image "
                "wrong, as the fast minimum-norm attack finds it; 0 when it is wrong without attack, "
                "infinite when none is found"
            ),
            unit="of the pixel range",
            statistic="median",
        ),
        "own_head": Metric(
            words="own classifier (1 = yes)",
            meaning="with `head: own_or_fitted`: 1 when the network's own classifier was attacked",
            observed="trial",
            unit="",
        ),
        "zero_gradient": Metric(
            words="share of zero gradients",
            meaning=(
                "share of images whose gradient, before the attack, is zero everywhere: the attack is blind "
                "on them"
            ),
            observed="trial",
        ),
        "training_mode": Metric(
            words="training mode (1 = yes)",
            meaning=(
                "1 when the scores of an image depend on the others in its batch, as in training mode: the "
                "curve then depends on the batches"
            ),
            observed="trial",
            unit="",
        ),
        "randomised": Metric(
            words="randomised (1 = yes)",
            meaning="1 when two passes over the same images differ: gradients then mislead the attack",
            observed="trial",
            unit="",
        ),
        "softmax_outputs": Metric(
            words="probabilities as scores (1 = yes)",
            meaning="1 when the classifier's scores are probabilities: gradients may then vanish",
            observed="trial",
            unit="",
        ),
        "unbroken_at_largest": Metric(
            words="share unbroken at the largest radius",
            meaning=(
                "share of images that are right under the largest radius; above 0 at radius 1, the attack "
                "failed"
            ),
            observed="trial",
        ),
        "not_monotone": Metric(
            words="share that breaks at a smaller radius",
            meaning=(
                "share of a sample of the images that resist the attack at one radius and break at a smaller "
                "one; above 0.2, all radii of all images are attacked"
            ),
            mode="sound",
            observed="trial",
        ),
        "every_radius": Metric(
            words="every radius attacked (1 = yes)",
            meaning="1 when all radii were attacked because `not_monotone` is above 0.2",
            mode="sound",
            observed="trial",
            unit="",
        ),
        "rising": Metric(
            words="share that resists at a larger radius",
            meaning=(
                "share of a sample of the images that break at one radius and resist the attack at a larger "
                "one: the attack misses what is there"
            ),
            mode="sound",
            observed="trial",
        ),
        "late": Metric(
            words="share broken late",
            meaning=(
                "share of the images that broke only after more than half of the steps: fewer "
                "steps would give another curve, and perhaps more steps as well"
            ),
            mode="sound",
            observed="trial",
        ),
        "another_start": Metric(
            words="share that another start breaks",
            meaning=(
                "share of a sample of the images that another random start breaks at a radius that they "
                "resist: more starts would give another curve"
            ),
            mode="sound",
            observed="trial",
        ),
        "black_box": Metric(
            words="share that breaks without gradients",
            meaning=(
                "share of a sample of the images that the square attack, which needs no gradients, breaks at "
                "a radius that they resist: gradients mislead the attack"
            ),
            mode="sound",
            observed="trial",
        ),
        "targeted_is_stronger": Metric(
            words="share that only a targeted attack breaks",
            meaning=(
                "with `targeted`: share of the images that are taken for their target at a radius at which "
                "the untargeted attack fails: the untargeted attack misses what is there"
            ),
            observed="trial",
        ),
        "minimum_norm_is_stronger": Metric(
            words="share that a minimum-norm attack alone breaks",
            meaning=(
                "with `minimum_norm`: share of the images that resist the attack at a radius that is larger "
                "than a change that makes them wrong"
            ),
            observed="trial",
        ),
        "gradients": Metric(
            words="gradients per image",
            meaning="gradients that the attack computes for each image",
            observed="trial",
            unit="gradients",
        ),
        "converged": Metric(
            words="converged (1 = yes)",
            meaning="with a fitted head: 1 when the logistic regression converged, 0 when it stopped before",
            observed="trial",
            unit="",
        ),
    },
    method=method,
    limit="One attack gives an upper bound of robustness; another may find smaller changes.",
    drawing=Drawing(kind="own", curves=("accuracy", "epsilon")),
    caption=(
        "Share of images that are still classified right when an attack may change every pixel by up to the "
        "radius, by dataset. Curves that stay high further to the right are more robust; the points at the "
        "left are the clean images. Bars are confidence intervals over images and, where there are several, "
        "training runs. The dashed line is guessing: always naming the most frequent class; an attack can "
        "push accuracy below it. "
        "Models are moved sideways a little so that none hides another. To the right of each panel are the "
        "area under every curve, over the logarithm of the radius from the smallest to the largest, and the "
        "median radius, which breaks half of the images."
    ),
)
