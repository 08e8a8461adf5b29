# mypy: ignore-errors
"""What a verification has to say: at which stage it is, its warnings, and its errors.

Runs in the project's interpreter.
"""

import errno
import os
import traceback

STAGE = ["settings"]
WARNINGS = []


def _innermost(error, source):
    """Return file, line and text of the project's own line that is nearest to the error, and True if there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        name = os.path.normpath(frame.filename)
        if name.startswith(source + os.sep) and "site-packages" not in name:
            return os.path.relpath(name, source), frame.lineno, frame.line, True
    real = [frame for frame in frames if not frame.filename.startswith("<")]
    return (os.path.basename(real[-1].filename), real[-1].lineno, real[-1].line, False) if real else ("", 0, "", False)


def _raised_in(error):
    """Return the path below site-packages of the file that raised an error; "" if that lies elsewhere."""
    frames = traceback.extract_tb(error.__traceback__)
    real = [frame.filename for frame in frames if not frame.filename.startswith("<")]
    _, found, path = (real[-1] if real else "").replace(os.sep, "/").rpartition("/site-packages/")
    return path if found else ""


def refused_path(error, source):
    """Return the path below the source that the project was refused to write; a slash at its end: a folder is missing.

    Empty if the error, and those that it came from, are about something else.
    """
    for _ in range(5):
        name = getattr(error, "filename", None)
        if isinstance(error, OSError) and isinstance(name, (str, bytes)):
            path = os.path.relpath(os.path.join(os.getcwd(), os.fsdecode(name)), source)
            if not path.startswith("..") and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return path
            folder = os.path.dirname(path)
            if not path.startswith("..") and error.errno == errno.ENOENT and folder:
                return "" if os.path.isdir(os.path.join(source, folder)) else folder + "/"
        error = getattr(error, "__cause__", None) or getattr(error, "__context__", None)
    return ""


def describe(error, source):
    """Return an error as the report holds it."""
    file_name, line, text, own = _innermost(error, source)
    if isinstance(error, SyntaxError) and error.filename:
        file_name = os.path.abspath(error.filename)
        file_name, line, text, own = os.path.relpath(file_name, source), error.lineno, error.text, True
    frames = traceback.extract_tb(error.__traceback__)
    chain, seen = [], error
    while seen is not None and len(chain) < 5:
        chain.append(type(seen).__name__)
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return {
        "stage": STAGE[0],
        "type": type(error).__name__,
        "chain": chain,
        "message": str(error)[:4000],
        "module": str(getattr(error, "name", None) or ""),
        "from_environ": bool(frames)
        and frames[-1].name == "__getitem__"
        and os.path.basename(frames[-1].filename) in ("os.py", "<frozen os>"),
        "refused_path": refused_path(error, source),
        "raised_in": _raised_in(error),
        "file": file_name,
        "own": own,
        "line": line or 0,
        "text": (text or "").strip()[:300],
    }


class Described(Exception):
    """An error of another process, as the report holds it."""
