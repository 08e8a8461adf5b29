"""Reads and writes `zoombuild.cfg`, in which an owner says how a project is built."""

import configparser
import io
from dataclasses import dataclass
from pathlib import Path

from dz.errors import InvalidConfig
from dz.tasklib.configuration import keys
from dz.tasklib.configuration.keys import Value
from dz.tasklib.configuration.plan import Plan

FILE = "zoombuild.cfg"
MAX_BYTES = 65536


@dataclass(frozen=True)
class Zoombuild:
    """One `zoombuild.cfg`: the keys that it holds, typed, and where it came from.

    Args:
        values: key to its value (text, number, flag or list); a key that is absent is decided elsewhere.
        origin: the name that errors use, for example `zoombuild.cfg`.
    """

    values: dict[str, Value]
    origin: str = "zoombuild.cfg"


def parse(text: str | bytes, origin: str = "zoombuild.cfg") -> Zoombuild:
    """Read a `zoombuild.cfg`.

    Args:
        text: the file; UTF-8, 64 kB at most.
        origin: the name to use in errors.

    Raises:
        InvalidConfig: the text names file, line and key.
    """
    plain = _decoded(text, origin)
    parser = configparser.ConfigParser(interpolation=None, strict=True, default_section="\0none")
    try:
        parser.read_string(plain, origin)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [(1, "")])))[0]
        raise _invalid(origin, line, None, str(error).splitlines()[0]) from error
    unknown = [section for section in parser.sections() if section != "project"]
    if unknown:
        line = keys.line_of(plain, f"[{unknown[0]}]")
        raise _invalid(origin, line, None, f"section [{unknown[0]}] is unknown; the only one is [project]")
    if not parser.has_section("project"):
        raise _invalid(origin, 1, None, "the section [project] is missing")
    values = {}
    for key, raw in parser.items("project"):
        try:
            values[key] = keys.typed(key, raw)
        except ValueError as error:
            raise _invalid(origin, keys.line_of(plain, key), key, str(error)) from error
    return Zoombuild(values, origin)


def _decoded(text: str | bytes, origin: str) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise _invalid(origin, 1, None, f"the file has {len(data)} bytes; {MAX_BYTES} are allowed")
    try:
        plain = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(origin, data[: error.start].count(b"\n") + 1, None, "the file is not UTF-8") from error
    bad = keys.CONTROL.search(plain.replace("\r\n", "\n"))
    if bad:
        line = plain[: bad.start()].count("\n") + 1
        raise _invalid(origin, line, None, f"the control character {bad.group()!r} is not allowed")
    return plain


def _invalid(origin: str, line: int, key: str | None, problem: str) -> InvalidConfig:
    where = f"{origin}, line {line}" + (f", key {key}" if key else "")
    return InvalidConfig(f"{where}: {problem}.", "Correct this line; docs/zoombuild.md describes every key.")


def render(plan: Plan) -> str:
    """Return the text of a `zoombuild.cfg` that states all of `plan` but its warnings and the bases of detection."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.add_section("project")
    for key, text in keys.texts(vars(plan)):
        parser.set("project", key, text)
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def changed(text: str | None, **keys: str) -> str:
    """Return the text of a `zoombuild.cfg`, or an empty one, with these keys set."""
    if text:
        parse(text, FILE)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text or "")
    if not parser.has_section("project"):
        parser.add_section("project")
    for key, value in keys.items():
        parser.set("project", key, value)
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def in_repo(root: Path) -> Zoombuild | None:
    """Return the repository's own `zoombuild.cfg`, if it has one; raises InvalidConfig if that is wrong."""
    path = root / FILE
    if path.is_symlink() or not path.is_file():
        return None
    return parse(path.read_bytes()[: MAX_BYTES + 1], FILE)
