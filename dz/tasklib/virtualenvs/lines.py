"""Reads single lines of requirements files: text, paths, addresses, requirements."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs.addresses import by_variables, without_credentials

MAX_FILE = 1_000_000
_PLACE = re.compile(
    r"(?P<editable>-e\s*|--editable[\s=]+)?(?:[A-Za-z0-9][A-Za-z0-9._-]*\s*(?P<extras>\[[^\]]*\])?\s*@\s*(?=file:|\{|\.))?"
    r"(?:file:(?:///?)?(?:\$\{PROJECT_ROOT\}|\{root\})|\{root:uri\}|file:(?://)?(?!localhost/|[A-Za-z]:|[/\s~])|(?=\.{1,2}(?:[/\s;#\[]|$)))"
    r"(?P<path>[^\s;\[]*)(?P<after>\[[^\]]*\])?(?:\s*;(?P<marker>.*))?"
)
"""A place in the repository, written as an address or a relative path."""
_ELSEWHERE = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*(?:\s*\[[^\]]*\])?)\s*@\s*file:(?://(?:localhost)?)?"
    r"(?P<path>/[^;\s]*|[A-Za-z]:[^;\s]*)(?:\s*;(?P<marker>.*))?"
)
_CONDA_BUILD = re.compile(
    r"_\d{9,}/work(?:/|$)|/(?:feedstock_root|croots?|conda-bld|bld|build_artifacts|concourse|(?:tmp/)?build/[0-9a-f]{8}"
    r"|ci(?:_\w+)?|abs_\w+)/"
)
"""Folders in which conda and its build services build packages, as `pip freeze` has them."""


def decoded(path: Path, name: str) -> str:
    """Return the text of a requirements file in whatever encoding it was saved; Windows tools write UTF-16."""
    if path.stat().st_size > MAX_FILE:
        raise InvalidRequirement(f"{name} is larger than {MAX_FILE} bytes.", "Name a file that lists requirements.")
    raw = path.read_bytes()
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    if raw[1:2] == b"\0":
        return raw.decode("utf-16-le", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) without comments and blank lines; a backslash at the end joins lines."""
    start, pending = 0, ""
    for number, raw in enumerate([*text.splitlines(), ""], 1):
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        start = start if pending else number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        whole = (pending + line).strip()
        pending = ""
        if whole:
            yield start, whole


def in_repository(line: str) -> str:
    """Return a line that names a place in the repository by an address as the path that it means, else the line.

    `name[extra] @ file:./lib ; marker` becomes `./lib[extra] ; marker`. Relative `file:` addresses are those of pip and uv,
    `${PROJECT_ROOT}` that of PDM, `{root:uri}` that of Hatch; `#egg=` and `&subdirectory=` those of pip.
    """
    found = _PLACE.fullmatch(line)
    if not found:
        return line
    path, _, fragment = found["path"].partition("#")
    below = re.search(r"(?:^|&)subdirectory=([^&]*)", fragment)
    place = "/".join(filter(None, [unquote(path).strip("/"), below[1].strip("/") if below else ""]))
    place = place if place.startswith(".") else f"./{place}"
    extras = found["extras"] or found["after"] or ""
    marker = f" ; {found['marker'].strip()}" if found["marker"] else ""
    return f"{'-e ' if found['editable'] else ''}{place}{extras.replace(' ', '')}{marker}"


def is_path(body: str, folder: Path) -> bool:
    """Say whether a line names a file or folder instead of a package."""
    name = body.split("[", 1)[0]
    if name.startswith((".", "/", "file:", "~")):
        return True
    return "/" in name and "@" not in name and "://" not in name and "\0" not in name and (folder / name).exists()


def left_by_conda(body: str, origin: str) -> str | None:
    """Return the package, with its extras and marker, that `pip freeze` in a conda environment wrote with a path.

    Raises:
        InvalidRequirement: the path is that of another package on somebody's machine.
    """
    found = _ELSEWHERE.match(body)
    if not found:
        return None
    if not _CONDA_BUILD.search(found["path"]):
        raise bad_line(
            origin,
            body,
            "this is a path of the machine where `pip freeze` ran",
            f"Put the package {found['name']} into the repository and name its folder, or pin a version of the index.",
        )
    return found["name"] + (f" ;{found['marker']}" if found["marker"] else "")


def has_variables(line: str) -> bool:
    """Say whether a line has a variable anywhere but before the host of an address, as a private package's token."""
    return "${" in without_credentials(line)


def parsed(body: str, origin: str) -> Requirement | None:
    """Return the requirement in a line; None for a URL that does not say which package it is."""
    url = re.match(r"([a-z]+\+)?[a-z]+://|[a-z]+\+|git@", body)
    if url:
        address, _, marker = body.partition(" ;")
        egg = re.search(r"[#&]egg=([A-Za-z0-9._-]+(?:\[[^\]]*\])?)", address)
        if not egg:
            check_url(address, origin)
            return None
        clean = re.sub(r"[#&]egg=[^&]*", "", address).replace("&subdirectory", "#subdirectory")
        body = f"{egg[1]} @ {clean}" + (f" ;{marker}" if marker else "")
    try:
        requirement = Requirement(body)
    except BadRequirement as error:
        reason = str(error).splitlines()[0]
        raise bad_line(origin, body, reason, "Correct the line; it must look like name==1.2.3.") from None
    if requirement.url:
        check_url(requirement.url, f"{origin}: {requirement.name}")
    return requirement


def without_hashes(line: str) -> str:
    """Return the requirement in a collected line, which may have hashes after it."""
    return line.split(" --hash", 1)[0]


def package_name(text: object) -> str:
    """Return the canonical name of a package, as setuptools makes one of any text; empty if there is none in it."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") if isinstance(text, str) else ""
    return canonicalize_name(name)


def check_url(url: str, origin: str) -> None:
    """Refuse a URL that is not https or that carries credentials; the error does not repeat it."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"https", "git+https"} and bool(parts.hostname) and parts.port != 0
        secret = "@" in parts.netloc and not by_variables(parts.netloc)
    except ValueError:
        fine, secret = False, True
    if not fine or secret:
        found = "has a user name or password" if fine else "is not https"
        raise InvalidRequirement(
            f"{origin}: the address {found}.",
            "Use https:// or git+https://, and a variable of the project for a token: https://${TOKEN}@...",
        )


def bad_line(origin: str, line: str, reason: str, remedy: str) -> InvalidRequirement:
    """Return the error for a line, shown without credentials."""
    shown = re.sub(r"//[^/@\s]*@", "//***@", line)[:120]
    return InvalidRequirement(f"{origin}: {shown!r} cannot be used: {reason}.", remedy)
