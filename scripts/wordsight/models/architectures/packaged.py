"""Networks for weights that ship in packages: those of timm and torchvision, with other preprocessing."""

from wordsight.catalogue.section import nearest
from wordsight.config.models import PreprocessingSection
from wordsight.errors import ConfigError
from wordsight.models.encoder import Backbone

# Pixels of 0 to 255 become (x - 127) / 128, as in TensorFlow's EfficientNet-Lite.
EFFICIENTNET_PREPROCESSING = PreprocessingSection(
    image_size=224, resize=256, interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3
)

# Caffe subtracts the mean from pixels of 0 to 255 and does not rescale them. The weights are changed to read
# red, green, blue, not the file's blue, green, red.
SQUEEZENET_PREPROCESSING = PreprocessingSection(
    image_size=224,
    resize=256,
    interpolation="bicubic",
    mean=(122.679 / 255, 116.669 / 255, 104.006 / 255),
    std=(1 / 255,) * 3,
)


def build(name: str) -> tuple[Backbone, PreprocessingSection]:
    """The library's network of that architecture, and the preprocessing of the packaged weights."""
    if name == "efficientnet_lite0":
        from wordsight.models.architectures import timm

        return timm.build("tf_efficientnet_lite0")[0], EFFICIENTNET_PREPROCESSING
    if name == "squeezenet1_1":
        from wordsight.models.architectures import torchvision

        return torchvision.build("squeezenet1_1")[0], SQUEEZENET_PREPROCESSING
    hint = nearest(name, ["efficientnet_lite0", "squeezenet1_1"])
    raise ConfigError(f"config: models: no package has a model {name!r}; {hint}")
