"""Ids of the corrupted versions of an image, which say what was done to it."""

CLEAN = "clean"  # the kind of an image that was scaled like its corrupted versions, but not corrupted


def version_id(kind: str, severity: int, item: str) -> str:
    """Id of a version of an image; its severity is 0 if it isn't corrupted.

    >>> version_id("fog", 3, "cats/7.png")
    'fog/3/cats/7.png'
    """
    return f"{kind}/{severity}/{item}"


def version_of(name: str) -> tuple[str, int, str]:
    """Kind, severity and id of the image, from the id of a version.

    >>> version_of("fog/3/cats/7.png")
    ('fog', 3, 'cats/7.png')
    """
    kind, severity, item = name.split("/", 2)
    return kind, int(severity), item
