"""Pickles from elsewhere, read so that nothing in them can run.

A pickle is a list of instructions that look up functions and classes by name and call them. Python's own
unpickler follows the instructions here, but it never gets what they name: each name stands for a
:class:`StandIn`, or for one of the few functions that the reader of a format provides. See
https://docs.python.org/3/library/pickle.html#restricting-globals
"""

import mmap
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from wordsight.errors import WeightsError, first_line

Stream = BinaryIO | mmap.mmap

# Only malicious files name these. Nothing would come of it, but the user should know what the file is.
MALICIOUS = re.compile(
    r"(os|posix|nt|subprocess|pty|shutil|socket|ctypes|runpy|webbrowser)\."
    r"|(builtins|__builtin__|_?io)\.(eval|exec|execfile|compile|open|__import__|breakpoint|input)$"
)


class FormatError(Exception):
    """A file is another one than expected; the message says how, and :func:`refusing` adds the path."""


class StandIn:
    """In place of a class, a function or an object: it can be called and filled, and nothing comes of it.

    A pickle may set any attribute of what has no ``__setstate__``, even the default arguments of a function.
    So all that a pickle gets has one, apart from built-in types, which cannot be changed. A pickle that gives
    a state to a class itself fails, since ``__setstate__`` then lacks its instance.
    """

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Make an object; a pickle of dill may take another stand-in for its class."""
        return object.__new__(cls if isinstance(cls, type) else type(cls))

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Return another one, as functions make functions."""
        return StandIn()

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Keep nothing."""

    extend = add = append


def named(name: str) -> type[StandIn]:
    """Stand-in that has a name, for errors."""
    return type(name, (StandIn,), {})


def calling(function: Callable[..., Any]) -> type[StandIn]:
    """Stand-in that calls a function of ours; the function itself would be open to a state."""
    return type(function.__name__, (StandIn,), {"__new__": lambda _, *arguments: function(*arguments)})


class Unpickler(pickle._Unpickler):
    """Python's unpickler, without a way to anything outside the pickle.

    The one in C will not do: it takes functions from the registry of ``copyreg`` without asking
    :meth:`find_class`, and one large number in a pickle makes it fill the memory.

    Parameters
    ----------
    known : functions, built-in classes and stand-ins that take the place of names
    others : makes a stand-in for any other name; None to refuse the file

    Raises
    ------
    FormatError
        From ``load``, when the pickle has a name that is not to be read. Errors of any other type mean that
        it is damaged.
    """

    def __init__(
        self,
        stream: Stream,
        known: Mapping[str, Callable[..., Any]],
        others: Callable[[str], type[StandIn]] | None = None,
    ) -> None:
        super().__init__(stream, encoding="latin1")  # texts of Python 2, which may be of any encoding
        self.known, self.others = known, others
        self.stand_ins: dict[str, type] = {}

    def find_class(self, module: str, name: str) -> type:
        """What takes the place of a name. It is looked up nowhere else."""
        whole = f"{module}.{name}"
        if whole not in self.stand_ins:
            self.stand_ins[whole] = self._stand_in(whole)
        return self.stand_ins[whole]

    def _stand_in(self, name: str) -> type:
        if name in self.known:
            found = self.known[name]
            return found if isinstance(found, type) else calling(found)
        if self.others is None or MALICIOUS.match(name):
            raise FormatError(f"refused: would run code: {name}")
        return self.others(name)

    def get_extension(self, code: int) -> None:
        """Refuse a number in place of a name: the process may have a function under it."""
        raise pickle.UnpicklingError(f"extension code {code}")


@contextmanager
def refusing(path: Path | str) -> Iterator[None]:
    """Turn errors while a file is read into one line that names it; damage can make any instruction fail."""
    try:
        yield
    except WeightsError:
        raise
    except FormatError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None
