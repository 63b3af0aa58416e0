"""Errors that a user can act on."""


class WordsightError(Exception):
    """One line that names the file, key, model or dataset at fault and says what was expected.

    The entry points print it without a traceback; every other exception is a defect of wordsight. Line breaks
    and control characters, which names of a user's files may hold, are written as escapes.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in message))


class ConfigError(WordsightError):
    """A key of the configuration is unknown, missing or has a wrong value."""


class DataError(WordsightError):
    """A dataset, an image or a table is missing, damaged or unfit for what is asked of it."""


class WeightsError(WordsightError):
    """A file of weights is missing, damaged, unsafe or does not fit its architecture."""


class DownloadError(WordsightError):
    """A file is not to be had from any of its addresses, or is another one than expected."""


def first_line(error: Exception) -> str:
    """First line of what an error of another library says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:120]
