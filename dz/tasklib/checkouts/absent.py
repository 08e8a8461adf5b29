"""What a checkout lacks, named as the cause of an error that it explains: submodules, git-lfs, the right spelling."""

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from dz.errors import DzError
from dz.tasklib.checkouts.checkouts import Checkout

_MODULES = re.compile(
    r"No module named '([\w.]+)'|cannot import name '\w+' from '([\w.]+)'|module '([\w.]+)' has no attribute"
)
_UNREADABLE = re.compile(
    r"JSONDecodeError|UnpicklingError|BadZipFile|UnidentifiedImageError|ParserError|not a database"
)
"""Errors of code that reads a file which is not what its name says."""
_TEMPLATE = re.compile(r"TemplateDoesNotExist\b[^\n]*?: ([\w./-]+\.\w+)")
_SHOWN = 3
_MOST_FILES = 20_000
_OF_SUBMODULE = (
    "Commit the files themselves (`git subtree add` in place of `git submodule add`), or list the package in the requirements by "
    "its git URL."
)
_OF_SPELLING = (
    "Spell both alike, commit and deploy again: Windows and macOS take one for the other, servers do not "
    "(`git mv` renames a file there, too)."
)
_OF_POINTER = "Commit the file itself: `git lfs untrack PATH`, then add it again."


@contextlib.contextmanager
def named_as_cause(checkout: Checkout) -> Iterator[None]:
    """Add to an error of the block what the checkout lacks, where that explains it."""
    try:
        yield
    except DzError as error:
        found = cause(checkout, error.found)
        if not found:
            raise
        raise type(error)(f"{error.found.rstrip('.')}. {found[0]}", found[1]) from error


def cause(checkout: Checkout, text: str) -> tuple[str, str] | None:
    """Return what explains an error, and what to do about it; None if nothing that is known to lack does.

    Args:
        text: what was found.
    """
    return _submodule(checkout, text) or _pointer(checkout, text) or _spelling(checkout, text)


def _submodule(checkout: Checkout, text: str) -> tuple[str, str] | None:
    modules = [next(filter(None, names)).split(".") for names in _MODULES.findall(text)]
    for path in checkout.submodules:
        package = path.rpartition("/")[2].replace("-", "_")
        if _mentions(text, path) or any(package in names for names in modules):
            return (
                f"{path} is a submodule of the repository; submodules are not fetched, so that folder is empty.",
                _OF_SUBMODULE,
            )
    if modules and checkout.submodules:
        return (
            f"It may belong to a submodule; they are not fetched, so these folders are empty: {_some(checkout.submodules)}.",
            (
                f"If it is a package of others, list it in the requirements. If it belongs to a submodule: {_OF_SUBMODULE}"
            ),
        )
    return None


def _pointer(checkout: Checkout, text: str) -> tuple[str, str] | None:
    for path in checkout.pointers:
        if _mentions(text, path) or _mentions(text, path.rpartition("/")[2]):
            return f"{path} is kept in git-lfs, whose content is not fetched; the file is only a pointer.", _OF_POINTER
    if checkout.pointers and _UNREADABLE.search(text):
        return (
            f"Content kept in git-lfs is not fetched, so these files are only pointers: {_some(checkout.pointers)}.",
            _OF_POINTER,
        )
    return None


def _spelling(checkout: Checkout, text: str) -> tuple[str, str] | None:
    """Find a template or a module that is there but for capital and small letters."""
    modules = [next(filter(None, names)).replace(".", "/") for names in _MODULES.findall(text)]
    wanted = [*_TEMPLATE.findall(text), *(f"{module}{end}" for module in modules for end in (".py", "/__init__.py"))]
    for path in _files(checkout) if wanted else ():
        for name in wanted:
            found = path[-len(name) :]
            if found != name and f"/{path}".lower().endswith(f"/{name}".lower()):
                return f"{path} is spelt with other capital letters than {name}.", _OF_SPELLING
    return None


def _files(checkout: Checkout) -> Iterator[str]:
    """Yield the paths of a checkout's files; no link is followed."""
    found = (
        str(Path(folder, name).relative_to(checkout.path))
        for folder, _, names in os.walk(checkout.path)
        for name in names
    )
    return itertools.islice(found, _MOST_FILES)


def _mentions(text: str, path: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(path)}(?![\w-])", text))


def _some(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(paths[:_SHOWN]) + more
