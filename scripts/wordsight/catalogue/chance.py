"""What guessing would reach by a metric."""

from typing import Literal

# ``most_frequent``: share of the test images in their most frequent class; ``classes``: one over the number
# of classes with test images; ``recorded``: what the protocol records as the metric ``chance``.
Chance = Literal["most_frequent", "classes", "recorded", "unknown"]
