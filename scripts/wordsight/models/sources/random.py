"""Networks that were never trained: the weights are the library's own initialisation under a seed."""

from wordsight.config.models import RandomNetwork
from wordsight.models import architectures
from wordsight.models.pretrained import Pretrained


def acquire(section: RandomNetwork) -> Pretrained:
    """Initialise the named architecture; batch normalisation keeps its initial statistics."""
    backbone, _ = architectures.build(section.architecture, section.seed)
    return Pretrained(
        tensors=backbone.tensors(),
        origin=f"initialisation of {section.architecture} with seed {section.seed}",
        licence="none",
        seed=section.seed,
        configuration=backbone.configuration,
    )
