"""Errors that a user can act on."""


class WordsightError(Exception):
    """One line that names the file, key, model or dataset at fault, what is wrong with it, and what to do.

    It is printed without a traceback; every other exception is a bug in wordsight. Line breaks and control
    characters, which the names of a user's files may contain, are escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


class ConfigError(WordsightError):
    """A key of the configuration is unknown, missing or has a wrong value."""


class DataError(WordsightError):
    """A dataset, an image or a table is missing, damaged or unsuitable."""


class WeightsError(WordsightError):
    """A file of weights is missing, damaged, unsafe or does not fit its architecture."""


class DownloadError(WordsightError):
    """A file cannot be downloaded from any of its addresses, or is not the expected one."""


def first_line(error: Exception) -> str:
    """First line of another library's error message, cut to 120 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
