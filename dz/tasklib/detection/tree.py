"""A work tree that is not trusted: reading is bounded, links and devices are left out, any encoding will do."""

import ast
import codecs
import os
import stat
from pathlib import Path

from dz.tasklib.detection.paths import parents
from dz.tasklib.detection.syntax import modernised, parsed

MAX_FILES = 50_000
MAX_BYTES = 1024 * 1024
MAX_DEPTH = 30
MAX_READ = 48 * 1024 * 1024
MAX_SOURCE = 300_000
MAX_PARSED = 3_000_000
"""MAX_READ: bytes read of one tree. MAX_SOURCE, MAX_PARSED: characters parsed of one file, and of one tree."""
_SKIPPED = {
    ".git",
    ".hg",
    ".svn",
    "node_modules",
    "__pycache__",
    "site-packages",
    ".venv",
    "venv",
    ".tox",
    ".mypy_cache",
}
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Tree:
    """The regular files below a folder; each is read at most once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.truncated = False
        self.submodules: list[str] = []
        self.to_read = MAX_READ
        self.to_parse = MAX_PARSED
        self.documents: dict[str, str] = {}
        self._texts: dict[str, str | None] = {}
        self._modules: dict[str, ast.Module | None] = {}
        self.python2: set[str] = set()
        self.files: tuple[str, ...] = tuple(sorted(self._walk(), key=lambda path: (path.count("/"), path)))
        self._known = set(self.files)
        self._folders = {folder for path in self.files for folder in parents(path)}

    def _walk(self) -> list[str]:
        found: list[str] = []
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            try:
                entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if not entry.name.isprintable():
                    continue  # with control characters or not in UTF-8: neither a database nor a terminal takes such a name
                path = f"{folder}/{entry.name}".lstrip("/")
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED and path.count("/") < MAX_DEPTH:
                        waiting.append(path)
                elif entry.is_file(follow_symlinks=False):
                    found.append(path)
                if len(found) >= MAX_FILES:
                    self.truncated = True
                    return found
        return found

    def has(self, path: str) -> bool:
        """Say whether `path` is a regular file of the tree."""
        return path in self._known

    def has_folder(self, path: str) -> bool:
        """Say whether `path` is a folder that holds files."""
        return path in self._folders or path in ("", ".")

    def exists(self, path: str) -> bool:
        """Say whether there is a file or a folder of this name; the tree's root is "/"."""
        inside = path.strip("/")
        return self.has(inside) or self.has_folder(inside)

    def named(self, *names: str) -> list[str]:
        """Return the files with one of these names, the shallowest first."""
        return [path for path in self.files if path.rsplit("/", 1)[-1] in names]

    def text(self, path: str) -> str | None:
        """Return the text of a file; None if it is missing, too large or not a regular file."""
        if path not in self._texts:
            self._texts[path] = self._read(path) if path in self._known else None
        return self._texts[path]

    def _read(self, path: str) -> str | None:
        try:
            handle = os.open(self.root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(handle, "rb") as file:
            state = os.fstat(handle)
            if not stat.S_ISREG(state.st_mode) or state.st_size > min(MAX_BYTES, self.to_read):
                return None
            self.to_read -= state.st_size
            return decoded(file.read(MAX_BYTES))

    def module(self, path: str) -> ast.Module | None:
        """Return the syntax tree of a Python file; None if it cannot be parsed."""
        if path not in self._modules:
            text = self.text(path)
            self._modules[path] = self._parsed(path, text) if text is not None and self.may_parse(len(text)) else None
        return self._modules[path]

    def may_parse(self, size: int) -> bool:
        """Say whether this many more characters may be parsed, and count them if so."""
        allowed = size <= min(MAX_SOURCE, self.to_parse)
        self.to_parse -= size if allowed else 0
        return allowed

    def _parsed(self, path: str, text: str) -> ast.Module | None:
        module = parsed(text)
        if module is None:
            module = parsed(modernised(text))
            if module is not None:
                self.python2.add(path)
        return module

    def broken(self, path: str) -> str | None:
        """Return `path:line` of the error in a file that is not valid Python, else None."""
        text = self.text(path) or ""
        if self.module(path) is not None or len(text) > MAX_SOURCE:
            return None
        try:
            compile(text, path, "exec", ast.PyCF_ONLY_AST)
        except SyntaxError as error:
            return f"{path}:{error.lineno or 1}"
        except (ValueError, RecursionError, MemoryError):
            return f"{path}:1"
        return None

    def line(self, path: str, text: str) -> str:
        """Return `path:line` of the first line that contains `text`."""
        for number, line in enumerate((self.text(path) or "").splitlines(), 1):
            if text in line:
                return f"{path}:{number}"
        return f"{path}:1"


def decoded(data: bytes) -> str:
    """Return the text of bytes in any encoding; what cannot be decoded is replaced."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data[1:2] == b"\0" and b"\n\0" in data:
        return data.decode("utf-16-le", "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
