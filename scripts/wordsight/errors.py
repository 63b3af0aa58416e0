"""Errors that a user can act on, and what a terminal can show of them and of any other text."""

import re
import sys

# User and password in an address, values that it may hold in confidence, and keys of the Hugging Face hub.
SECRETS = re.compile(
    r"(?<=://)[^/?#\s]*(?=@)"
    r"|(?<=[?&;#])(?P<name>[\w.~%-]*(?:token|secret|passw|signature|credential|api_?key|jwt)[\w.~%-]*"
    r"|key|sig|auth|pass|pwd?)=[^&;#\s'\"]*"
    r"|(?<=\bBearer )\S+|\bhf_[A-Za-z0-9]{30,}",
    re.IGNORECASE,
)

OUT_OF_MEMORY = ("can't allocate memory", "out of memory")  # as torch has it in a RuntimeError
KEPT = "\n\xa0\u202f"  # line break, and spaces at which no line breaks


def masked(text: str) -> str:
    """Text in which addresses have no passwords or tokens.

    >>> masked("https://me:pw@host/file?id=3&token=abc")
    'https://***@host/file?id=3&token=***'
    """
    return SECRETS.sub(lambda found: f"{found['name']}=***" if found["name"] else "***", text)


def plain(text: str) -> str:
    """Text without control characters, which a terminal would obey; line breaks and spaces stay."""
    return "".join(c if c.isprintable() or c in KEPT else repr(c)[1:-1] for c in text)


def show(text: str) -> None:
    """Print a text to a terminal of any encoding: what it doesn't know becomes a question mark."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(plain(text).encode(encoding, "replace").decode(encoding))


class WordsightError(Exception):
    """One line that names the file, key, model or dataset at fault, what is wrong with it, and what to do.

    It is printed without a traceback; every other exception is a bug in wordsight. Line breaks and control
    characters, which the names of a user's files may contain, are escaped. Passwords and tokens in addresses
    are masked.
    """

    def __init__(self, message: str) -> None:
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in masked(message)))


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


def out_of_memory(error: RuntimeError) -> bool:
    """Whether torch says that there is no memory left, on a CPU or on a GPU."""
    return any(words in str(error) for words in OUT_OF_MEMORY)
