"""Read pickles that others wrote, without running anything in them.

A pickle is a list of instructions that look up functions and classes by name and call them. Here Python's own
unpickler follows the instructions, but no name is looked up: each gives a :class:`StandIn`, or one of the few
functions that the reader of a format provides. See
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

# Only malicious files name these. They can do nothing here, but the user should know what the file is.
MALICIOUS = re.compile(
    r"(os|posix|nt|subprocess|pty|shutil|socket|ctypes|runpy|webbrowser)\."
    r"|(builtins|__builtin__|_?io)\.(eval|exec|execfile|compile|open|__import__|breakpoint|input)$"
)


class FormatError(Exception):
    """A file is not in the expected format. The message has no path: :func:`weights_errors` adds it."""


class StandIn:
    """Replaces a class, a function or an object. It can be called and filled, without any effect.

    A pickle may set any attribute of an object without ``__setstate__``, even the default arguments of a
    function. So everything that a pickle gets has this method, except for built-in types, which cannot be
    changed. A pickle that gives a state to a class itself fails, since ``__setstate__`` then lacks its
    instance.
    """

    def __new__(cls, *_: Any, **__: Any) -> Any:
        """Make an object; in a pickle of dill, its class may be an instance of another stand-in."""
        return object.__new__(cls if isinstance(cls, type) else type(cls))

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Return another stand-in, since a function may return a function."""
        return StandIn()

    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, value: Any) -> None:
        """Keep nothing."""

    extend = add = append


def named_stand_in(name: str) -> type[StandIn]:
    """Stand-in with a name, for error messages."""
    return type(name, (StandIn,), {})


def calling_stand_in(function: Callable[..., Any]) -> type[StandIn]:
    """Stand-in that calls one of our functions; a pickle could change the function itself."""
    return type(function.__name__, (StandIn,), {"__new__": lambda _, *arguments: function(*arguments)})


class Unpickler(pickle._Unpickler):
    """Python's unpickler, without access to anything outside the pickle.

    The unpickler in C is not safe: it takes functions from the registry of ``copyreg`` without asking
    :meth:`find_class`, and a large number in a pickle can make it fill the memory.

    Parameters
    ----------
    known : functions, built-in classes and stand-ins to use for names
    others : makes a stand-in for any other name; None to refuse the file

    Raises
    ------
    FormatError
        From ``load``, if the pickle has a name that is not allowed. Errors of any other type mean that it
        is damaged.
    """

    def __init__(
        self,
        stream: Stream,
        known: Mapping[str, Callable[..., Any]],
        others: Callable[[str], type[StandIn]] | None = None,
    ) -> None:
        super().__init__(stream, encoding="latin1")  # for strings of Python 2, in any encoding
        self.known, self.others = known, others
        self.stand_ins: dict[str, type] = {}

    def find_class(self, module: str, name: str) -> type:
        """Replacement of a name, which is never imported."""
        whole = f"{module}.{name}"
        if whole not in self.stand_ins:
            self.stand_ins[whole] = self._stand_in(whole)
        return self.stand_ins[whole]

    def _stand_in(self, name: str) -> type:
        if name in self.known:
            found = self.known[name]
            return found if isinstance(found, type) else calling_stand_in(found)
        if self.others is None or MALICIOUS.match(name):
            raise FormatError(f"refused: would run code: {name}")
        return self.others(name)

    def get_extension(self, code: int) -> None:
        """Refuse a number that stands for a name; this process may have registered a function for it."""
        raise pickle.UnpicklingError(f"extension code {code}")


@contextmanager
def weights_errors(path: Path | str) -> Iterator[None]:
    """Turn any error while a file is read into a one-line :class:`WeightsError` that names the file.

    Damage can make any instruction fail, so errors can have any type.
    """
    try:
        yield
    except WeightsError:
        raise
    except FormatError as error:
        raise WeightsError(f"{path}: {error}") from None
    except Exception as error:
        raise WeightsError(f"{path}: truncated or damaged ({first_line(error)})") from None
