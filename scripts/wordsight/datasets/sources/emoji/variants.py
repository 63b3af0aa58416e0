"""Which emoji show the same concept: they differ only in skin tone, gender, age or direction."""

import re

# Emoji that are told apart by gender or age without a shared sequence, and the one that stands for them.
SAME_CONCEPT = {
    "1F468": "1F9D1",  # man
    "1F469": "1F9D1",  # woman
    "1F466": "1F9D2",  # boy
    "1F467": "1F9D2",  # girl
    "1F474": "1F9D3",  # older man
    "1F475": "1F9D3",  # older woman
    "1F478": "1F934",  # princess, prince
    "1F936": "1F385",  # Mrs and Father Christmas
    "1F57A": "1F483",  # man and woman dancing
    "1F46C": "1F46B",  # two men, man and woman holding hands
    "1F46D": "1F46B",  # two women
}
# Skin tones, and joined signs for female, male and facing right: the concept stays the same.
VARIANT = re.compile(r"-1F3F[B-F]|-200D-(2640|2642|27A1)(?![0-9A-F])")


def plain(unified: str) -> str:
    """Code points without the selector of the coloured form, which tables and files use or omit at will."""
    return unified.replace("-FE0F", "")


def concept(unified: str) -> str:
    """Code points without skin tone, gender, age, direction and presentation: equal for all variants."""
    points = VARIANT.sub("", plain(unified)).split("-")
    return "-".join(SAME_CONCEPT.get(point, point) for point in points)
