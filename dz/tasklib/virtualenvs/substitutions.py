"""What the platform adds to or changes in a project's requirements, so that the project itself need not change."""

import shutil
from collections.abc import Collection
from dataclasses import replace

from packaging.requirements import InvalidRequirement as BadRequirement
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dz.adapters.interpreters import Interpreter
from dz.errors import InvalidRequirement
from dz.tasklib.configuration.constraints import touches
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import django_releases
from dz.tasklib.virtualenvs.lines import without_hashes
from dz.tasklib.virtualenvs.requirements import Requirements

_FIRST_WHEELS = {(3, 10): "2.9.2", (3, 11): "2.9.5", (3, 12): "2.9.9", (3, 13): "2.9.10", (3, 14): "2.9.11"}
"""The first version of psycopg2-binary with wheels on PyPI, by Python version."""
_WINDOWS = {
    "pypiwin32",
    "pywin32",
    "pywinpty",
    "twisted-iocpsupport",
    "win10toast",
    "windows-curses",
    "winsdk",
    "winshell",
    "wmi",
}
"""Packages that `pip freeze` lists on Windows and that cannot be installed elsewhere."""
_PART_OF_PYTHON = {
    "asyncio",
    "backports-zoneinfo",
    "contextvars",
    "dataclasses",
    "enum34",
    "functools32",
    "futures",
    "pathlib",
    "pkg-resources",
    "typing",
    "wsgiref",
}
"""Packages for Pythons before 3.9 that `pip freeze` lists there: what they bring is a part of Python, and few can be installed."""
_ASK_FOR_PSYCOPG2 = ("django-heroku", "django-pgviews", "django-postgrespool2")
"""Packages that depend on psycopg2, which must be compiled."""
_WEBSOCKETS = ("websockets", "wsproto")
"""Either of them is enough for uvicorn."""
_SANS_IO = tuple(f"0.{minor}" for minor in range(35, 100))
"""Releases of uvicorn that do without the parts of websockets which are to be removed."""
_MYSQL_DRIVERS = ("mysqlclient", "mysql-python")
"""Drivers that must be compiled with MySQL's library."""
_DRIVERS = ("psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary")
_OF_THE_PLATFORM = (
    "gevent",
    "greenlet",
    "gunicorn",
    "h11",
    "psycopg",
    "psycopg-binary",
    "psycopg2-binary",
    "typing-extensions",
    "uvicorn",
    "uvicorn-worker",
    "websockets",
)
"""What the platform adds, and what those need in a new version: of use in its newest version, whatever a project's date."""


def complete(found: Requirements, plan: Plan, interpreter: Interpreter, foreign: Collection[str] = ()) -> Requirements:
    """Return the requirements with a web server and a database driver, and with warnings about what was changed.

    Args:
        foreign: lines that an installer found to be for other operating systems only.

    Raises:
        InvalidRequirement: dependencies are listed, but no Django among them.
    """
    lines, warnings = list(found.lines), list(found.warnings)
    _without_foreign(lines, warnings, foreign)
    _without_parts_of_python(lines, warnings)
    names = {package(line) for line in lines} | {one.name for one in found.local}
    if not plan.dependency_files and not found.local:
        _without_list(lines, warnings, plan)
    elif "django" not in names and not found.local:
        _without_django(lines, warnings, plan)
    _binary_driver(lines, warnings, interpreter)
    _without_mysql(lines, warnings)
    django = _django_release(lines, found.as_of)
    for line, reason in _missing(lines, plan, django):
        lines.append(line)
        warnings.append(f"{line} was added: {reason}.")
    if interpreter.version[:2] < (3, 12) and "setuptools" not in {package(line) for line in lines} | names:
        # Virtualenvs of these Pythons always came with setuptools, so nobody lists it; version 81 has no pkg_resources.
        lines.append("setuptools<81")
    overrides = [*found.overrides, *_not_compiled(lines)]
    undated = _undated(names, interpreter) if found.as_of else ()
    return replace(found, lines=sorted(set(lines)), overrides=overrides, warnings=warnings, undated=undated)


def _undated(names: Collection[str], interpreter: Interpreter) -> tuple[str, ...]:
    """Return the packages that are installed in their newest version even if others must be older than a date."""
    # A setuptools of the time before Python 3.12 does not run there, and builds need one.
    tools = ("setuptools",) if interpreter.version[:2] >= (3, 12) else ()
    return tuple(name for name in (*_OF_THE_PLATFORM, *tools) if name not in names)


def package(line: str) -> str:
    """Return the canonical name of the package that a line asks for; empty for a bare URL."""
    try:
        return canonicalize_name(Requirement(without_hashes(line)).name)
    except BadRequirement:
        return ""


def _without_foreign(lines: list[str], warnings: list[str], foreign: Collection[str]) -> None:
    """Leave out what exists for other operating systems only: nobody's site can need it here."""
    found = [line for line in lines if line in foreign or _is_foreign(package(line), line)]
    if found:
        shown = ", ".join(without_hashes(line) for line in found)
        warnings.append(f"Left out, because it exists for Windows or macOS only: {shown}.")
    lines[:] = [line for line in lines if line not in found]


def _without_parts_of_python(lines: list[str], warnings: list[str]) -> None:
    """Leave out packages that gave older Pythons what every Python of a site has."""
    found = [line for line in lines if package(line) in _PART_OF_PYTHON and " @ " not in line]
    if found:
        shown = ", ".join(without_hashes(line) for line in found)
        warnings.append(f"Left out, because it is a part of Python: {shown}.")
    lines[:] = [line for line in lines if line not in found]


def _not_compiled(lines: list[str]) -> list[str]:
    """Return an override that leaves psycopg2 out where a listed package asks for it and psycopg2-binary is there."""
    names = {package(line) for line in lines}
    asked = names.intersection(_ASK_FOR_PSYCOPG2) and "psycopg2" not in names
    return ["psycopg2 ; sys_platform == 'none'"] if asked and "psycopg2-binary" in names else []


def _without_mysql(lines: list[str], warnings: list[str]) -> None:
    """Leave out MySQL's driver where it cannot be built: sites get PostgreSQL."""
    found = [line for line in lines if package(line) in _MYSQL_DRIVERS and " @ " not in line]
    if found and not (shutil.which("mysql_config") or shutil.which("mariadb_config")):
        lines[:] = [line for line in lines if line not in found]
        shown = ", ".join(without_hashes(line) for line in found)
        warnings.append(f"Left out, because sites get PostgreSQL and MySQL's library is not on this server: {shown}.")


def _is_foreign(name: str, line: str) -> bool:
    return " @ " not in line and (name in _WINDOWS or name.startswith(("pyobjc", "winrt-")))


def _without_list(lines: list[str], warnings: list[str], plan: Plan) -> None:
    """Add Django, if not even its version is known, and say that all was guessed."""
    if "django" not in {package(line) for line in lines}:
        version = f"=={plan.django_version}.*" if plan.django_version and plan.django_version[0].isdigit() else ""
        lines.append(f"django{version}")
    warnings.append(
        f"No list of dependencies was found; {', '.join(sorted(lines))} was installed. List what the project needs."
    )


def _without_django(lines: list[str], warnings: list[str], plan: Plan) -> None:
    """Accept a list without Django if one of its packages brings it, else refuse it."""
    bring = {"wagtail", "django-cms", "mezzanine", "djangorestframework"}
    names = {package(line) for line in lines}
    if names & bring or any(name.startswith(("django-", "wagtail")) for name in names) or "" in names:
        warnings.append("Django is not listed; its version is the one that the listed packages bring.")
        return
    raise InvalidRequirement(
        f"{', '.join(plan.dependency_files)}: no Django among the {len(lines)} requirements.",
        "List Django with its version, or name the right file under requirements_files in zoombuild.cfg.",
    )


def _binary_driver(lines: list[str], warnings: list[str], interpreter: Interpreter) -> None:
    """Replace psycopg2 by psycopg2-binary, which needs no compiler, and no libpq on the server that runs the bundle."""
    listed = {package(line): line for line in lines}
    own = listed.get("psycopg2-binary") or listed.get("psycopg2")
    if own is None or " @ " in own:
        return
    requirement = Requirement(without_hashes(own))
    floor = _FIRST_WHEELS.get(interpreter.version[:2], "2.9")
    fits = any(requirement.specifier.contains(f"2.9.{micro}") for micro in range(int(floor[4:] or 0), 40))
    line = own if fits and "psycopg2-binary" in listed else f"psycopg2-binary{requirement.specifier}"
    if not fits:
        line = f"psycopg2-binary>={floor},<3"
    for old in ("psycopg2", "psycopg2-binary"):
        if old in listed:
            lines.remove(listed[old])
    lines.append(line)
    if line != own:
        reason = "the same code, built already" if fits else f"that version has no wheel for Python {interpreter.minor}"
        warnings.append(f"{line} was installed for {requirement}: {reason}.")


def _missing(lines: list[str], plan: Plan, django: Version | None) -> list[tuple[str, str]]:
    names = {package(line) for line in lines}
    wanted: list[tuple[str, str]] = []
    if "gunicorn" not in names:
        wanted.append(("gunicorn", "the site is served by it"))
    if plan.use_asgi:
        wanted += [(name, "ASGI sites are served by it") for name in ("uvicorn", "uvicorn-worker") if name not in names]
        if library := _websockets(lines, names):
            wanted.append((library, "websockets of ASGI sites need it"))
    elif plan.worker_class == "gevent" and "gevent" not in names:
        wanted.append(("gevent", "the plan has its workers"))
    if asking := [name for name in _ASK_FOR_PSYCOPG2 if name in names and "psycopg2-binary" not in names]:
        wanted.append(("psycopg2-binary", f"{asking[0]} asks for psycopg2, and this is the same code, built already"))
    elif not names.intersection(_DRIVERS):
        wanted.append((_driver(django), "the site's database is PostgreSQL"))
    # Old packages import pkg_resources, which setuptools 81 no longer has; old Django on Python 3.12 needs distutils.
    if "setuptools" not in names and (django is None or django < Version("4")):
        wanted.append(("setuptools<81", "old packages need pkg_resources"))
    return wanted


def _websockets(lines: list[str], names: set[str]) -> str | None:
    """Return the library that uvicorn lacks for websockets, if it lacks one; an old uvicorn needs an old one."""
    own = next((Requirement(without_hashes(line)) for line in lines if package(line) == "uvicorn"), None)
    if names.intersection(_WEBSOCKETS) or (own and "standard" in own.extras):
        return None
    old = own and own.specifier and not any(touches(own.specifier, release) for release in _SANS_IO)
    return "websockets>=10.4,<14" if old else "websockets"


def _driver(django: Version | None) -> str:
    if django is None or django >= Version("4.2"):
        return "psycopg[binary]"
    return "psycopg2-binary"


def _django_release(lines: list[str], as_of: str) -> Version | None:
    """Return the newest Django release that the lines allow; None if they do not say, which means the latest."""
    for line in lines:
        if package(line) != "django":
            continue
        specifiers = Requirement(without_hashes(line)).specifier
        return next(map(Version, django_releases.releases(str(specifiers), as_of)), None)
    return next(map(Version, django_releases.releases(None, as_of)), None) if as_of else None
