"""Take out of a text what only its writer should know: passwords, keys, and who and where the user is."""

import getpass
import re
import socket
from contextlib import suppress
from pathlib import Path

from wordsight.downloads.cache import cache

HIDDEN = "<hidden>"
# Names of what lets whoever knows it in, and further ones that mean so in an address alone.
KEYS = r"(?:[a-z0-9]+[_-])*(?:token|secret|signature|password|passwd|credential|api[_-]?key|access[_-]?key)"
PATTERNS = (
    (re.compile(rf"([?&](?:{KEYS}|sig|key|auth|pwd)=)[^&\s'\"<>;,)]+", re.IGNORECASE), rf"\g<1>{HIDDEN}"),
    (re.compile(r"(://)[^/\s@:]+(?::[^/\s@]*)?@"), rf"\g<1>{HIDDEN}@"),
    (re.compile(rf"\b({KEYS}['\"]?\s*[:=]\s*)[^\s,;&]+", re.IGNORECASE), rf"\g<1>{HIDDEN}"),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{8,}", re.IGNORECASE), rf"\g<1> {HIDDEN}"),
    (re.compile(r"\b(?:hf_|gh[pousr]_|github_pat_|sk-|xox[bap]-|AKIA)[A-Za-z0-9_-]{12,}"), HIDDEN),
)
SHORTEST_NAME = 3  # of a user or a machine; shorter ones are parts of words


def anonymous(text: str) -> str:
    """The text without secrets, and without the user's folders, name and machine."""
    places = {str(cache()): "<cache>", str(Path.cwd()): ".", str(Path.cwd().resolve()): "."}
    with suppress(RuntimeError):  # there may be no home folder
        places |= {str(Path.home()): "~", str(Path.home().resolve()): "~"}
    for place in sorted(places, key=len, reverse=True):  # a folder before those that hold it
        if len(place) > 1:
            text = re.sub(rf"{re.escape(place)}(?=[/\s'\",:;)]|$)", places[place], text)
    for name, word in _names().items():
        text = re.sub(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", word, text)
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _names() -> dict[str, str]:
    """What the user and the machine are called, with the word that takes the place of each."""
    found = {}
    with suppress(OSError, KeyError):
        found[getpass.getuser()] = "<user>"
    host = socket.gethostname()
    found |= {host: "<machine>", host.partition(".")[0]: "<machine>"}
    return {name: word for name, word in found.items() if len(name) >= SHORTEST_NAME and name != "root"}
