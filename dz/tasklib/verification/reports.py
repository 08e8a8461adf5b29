"""Turns the report of a verification into values, or into an error that names the cause; trusts nothing in it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dz.adapters import trees
from dz.adapters.processes import Finished
from dz.errors import (
    INSTALL_GIS,
    DzError,
    MissingEnvironment,
    MissingLibrary,
    StaticFilesFailed,
    TimeLimitExceeded,
    UnsupportedDatabase,
    VerificationFailed,
)

MAX_REPORT = 256_000
_URL_PATH = re.compile(r"/[A-Za-z0-9._~/-]{1,200}", re.ASCII)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{1,127}", re.ASCII)
_ENVIRONMENT_WORDS = re.compile(r"environment|env var|envvar|declare it as|not set in env", re.IGNORECASE)
_UNSET = re.compile(
    r"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+) (?:must|has to|needs to|should) be (?:set|provided|configured|defined|given)\b"
    r"|([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+) is (?:not set|not configured|not defined|missing|required)\b"
)
"""What settings say that look for a variable themselves."""
_VARIABLE = re.compile(r"\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)\b")
_GIS = re.compile(r"GDAL|GEOS|libgeos|PostGIS", re.IGNORECASE)
_PARTS = {
    "settings": "settings",
    "setup": "applications",
    "handler": "middleware",
    "application": "WSGI or ASGI application",
    "migrations": "migrations",
}
_INSTALLED = re.compile(r" \(/[^()\n]*/site-packages/[^()\n]*\)")
"""Where Python found a module, which is a path of this server."""
_OTHER_ENGINES = ("djongo", "mongodb", "cassandra", "spanner", "couch")


@dataclass(frozen=True)
class StoredRows:
    """A SQLite database that was committed with the code.

    Args:
        file: its path below the source.
        counts: pairs of a table and the number of its rows, the fullest first.
    """

    file: str
    counts: tuple[tuple[str, int], ...]

    def offer(self, *, said_yes: bool) -> str:
        """Say what becomes of the rows when the project is deployed first."""
        begin = f"{self.summary}. The site gets a PostgreSQL database of its own, into which they are"
        return (
            f"{begin} copied once its tables are made."
            if said_yes
            else f"{begin} not copied. `dz deploy --with-data`, or copy_data = yes in zoombuild.cfg, copies them; later deploys cannot."
        )

    @property
    def summary(self) -> str:
        """What it holds, in words."""
        shown = ", ".join(f"{table} {count}" for table, count in self.counts[:5])
        more = f" and {len(self.counts) - 5} more tables" if len(self.counts) > 5 else ""
        return f"{self.file} holds {sum(count for _, count in self.counts)} rows ({shown}{more})"


def read(path: Path, limit: int = MAX_REPORT) -> dict[str, Any]:
    """Read a report, a regular file of up to `limit` bytes that holds a JSON object; return {} for anything else."""
    raw = trees.read(path.parent, path.name, limit=limit)
    try:
        report = json.loads(raw) if raw is not None else None
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def judge(report: dict[str, Any], done: Finished, *, unset: Sequence[str]) -> None:
    """Raise an error that names the cause, unless all is well.

    Args:
        unset: required variables without a value; an error about a missing variable lists them as well.
    """
    engine = word(report.get("engine"))
    if any(name in engine for name in _OTHER_ENGINES):
        raise UnsupportedDatabase(
            f"The project's database engine is {engine}; the platform offers PostgreSQL.",
            "Use a database that Django's PostgreSQL backend can replace.",
        )
    if report.get("ok") is True and done.ok:
        return
    if done.exceeded:
        raise done.exceeded
    if done.timed_out:
        raise TimeLimitExceeded(
            f"Loading the project took longer than {done.seconds:.0f} s and was stopped. Last lines:\n{done.tail(8)}",
            "Look for code that waits for a network or a database while it is imported.",
        )
    if report.get("check_errors"):
        texts = [text(one, 600) for one in listed(report["check_errors"])[:5]]
        raise VerificationFailed(
            f"Django's system check finds {len(listed(report['check_errors']))} errors:\n" + "\n".join(texts),
            "Correct them; `python manage.py check` shows them, too.",
        )
    error = report.get("error")
    if isinstance(error, dict):
        raise _named(error, unset)
    raise VerificationFailed(
        f"The project ended its own process (exit code {done.returncode}) while it was loaded. Last lines:\n{done.tail(8)}",
        "Remove what ends the process (sys.exit, os._exit) from settings and modules.",
    )


def _named(error: dict[str, Any], unset: Sequence[str]) -> DzError:
    kind, stage = word(error.get("type")), word(error.get("stage"))
    message = _INSTALLED.sub("", text(error.get("message"), 1500))
    place = f"{text(error.get('file'), 200)}:{error.get('line') if isinstance(error.get('line'), int) else 0}"
    variable = missing_variable(error, message)
    if variable:
        names = list(dict.fromkeys([variable, *unset]))
        asked = " ".join(f"--ask {name}" for name in names)
        return MissingEnvironment(
            f"{place} needs the environment variable {variable}, which is not set ({kind}: {message}).",
            f"Give it its value by `dz variables PROJECT {asked}`, and deploy again.",
        )
    if _GIS.search(message) and kind in {"ImproperlyConfigured", "OSError", "ImportError"}:
        return MissingLibrary(
            f"The project uses GeoDjango, and this server has no GDAL/GEOS library ({place}: {message[:300]}).",
            INSTALL_GIS,
        )
    if stage == "static":
        return StaticFilesFailed(
            f"collectstatic failed at {place}: {kind}: {message}",
            "Correct it, or say `collectstatic = no` in zoombuild.cfg.",
        )
    module = text(error.get("module"), 200)
    if kind in {"ImportError", "ModuleNotFoundError"} and module:
        return VerificationFailed(
            f"ImportError at {place}: {message}",
            f"If {module} is a package, list it in the requirements; if it is the project's own, name its folder under "
            "additional_python_path_dirs in zoombuild.cfg.",
        )
    if kind in {"SyntaxError", "IndentationError", "TabError"}:
        return VerificationFailed(
            f"{place} is not valid in this Python: {message}: {text(error.get('text'), 300)}",
            "Correct the line, or choose the Python that it was written for (requires-python or .python-version).",
        )
    return _failed(error, kind, message, place, stage)


def _failed(error: dict[str, Any], kind: str, message: str, place: str, stage: str) -> VerificationFailed:
    """Return the error for what has no remedy of its own but the line that failed."""
    if stage in {"settings", "setup"} and {"OperationalError", "InterfaceError"} & {*words(error.get("chain"))}:
        return VerificationFailed(
            f"{place} asks the database for something while modules are imported ({message.partition(chr(10))[0][:300]}); "
            "there is none while a site is built, and no table on its first deploy.",
            "Ask it when a page or a command needs it: in a function, or in __init__ of a form.",
        )
    what = "first page fails" if stage == "request" else f"{_PARTS.get(stage, stage)} cannot be loaded"
    # An error without a line of the project's own is Django's, about what its files lack.
    where, remedy = (
        (f" at {place}", "Correct the named line.") if error.get("own") is not False else ("", "Correct it.")
    )
    return VerificationFailed(f"The project's {what}: {kind}{where}: {message}", remedy)


def missing_variable(error: dict[str, Any], message: str) -> str | None:
    """Return the environment variable that an error complains about, or None."""
    if error.get("from_environ") is True:
        name = message.strip("'\"")
        return name if _NAME.fullmatch(name) else None
    asks = _ENVIRONMENT_WORDS.search(message) or word(error.get("type")) in {"UndefinedValueError", "EnvError"}
    names = [name for name in _VARIABLE.findall(message) if len(name) > 2] if asks else []
    if not names and error.get("stage") == "settings" and (said := _UNSET.match(message)):
        return said[1] or said[2]
    return names[0] if names else None


def warnings(report: dict[str, Any]) -> list[str]:
    """Return what the owner should know about a project that loads."""
    found = [text(one, 500) for one in listed(report.get("warnings"))[:20]]
    engine = word(report.get("engine"))
    if "mysql" in engine or "oracle" in engine or "mssql" in engine:
        found.append(f"The project is written for {engine}; it runs on PostgreSQL here. SQL written by hand may not.")
    found += [
        f"The database {alias!r} is an SQLite file; what is written there is lost with each version."
        for alias in words(report.get("sqlite_aliases"))
    ]
    return found


def written_warnings(written: Sequence[str]) -> list[str]:
    """Return what the owner should know about files that a project writes beside its code."""
    if not written:
        return []
    said = (
        f"The project writes below its own folder ({', '.join(written)}). Its site can, too, but nothing written there is "
        "kept: each version begins anew, on each appserver. The database and uploads below MEDIA_ROOT are kept."
    )
    return [said]


def url_path(value: Any) -> str | None:
    """Return `value` if it is a URL path that nginx may be given, else None."""
    fine = isinstance(value, str) and _URL_PATH.fullmatch(value) and ".." not in value and "//" not in value
    return value if fine and value.endswith("/") else None


def refused_path(report: dict[str, Any]) -> str:
    """Return the path below its source that a project was refused to write, if that is why it did not load."""
    error = report.get("error")
    found = own_paths([error.get("refused_path")]) if isinstance(error, dict) else ()
    return found[0] if found else ""


def own_paths(value: Any) -> tuple[str, ...]:
    """Return those listed paths that lie below a folder; a slash at the end of one is kept."""
    fine = [path for path in words(value)[:20] if path and not path.startswith("/") and "\\" not in path]
    return tuple(path for path in fine if not {"", ".", ".."} & set(path.removesuffix("/").split("/")))


def data(value: Any) -> StoredRows | None:
    """Return what is known about a committed database, or None."""
    if not isinstance(value, dict) or not isinstance(value.get("rows"), dict):
        return None
    files = own_paths([value.get("file")])
    rows = [(word(table), count) for table, count in value["rows"].items() if isinstance(count, int) and count > 0]
    return StoredRows(files[0], tuple(sorted(rows, key=lambda row: -row[1])[:500])) if files and rows else None


def page_paths(value: Any) -> tuple[str, ...]:
    """Return those of at most eight listed URL paths that a request line can hold as they are."""
    return tuple(path for path in words(value)[:8] if _URL_PATH.fullmatch(path) and "//" not in path)


def text(value: Any, limit: int) -> str:
    """Return printable text of bounded length."""
    shown = "".join(letter for letter in str(value or "") if letter.isprintable() or letter == "\n")
    return shown[:limit]


def word(value: Any) -> str:
    """Return `value` as one short line; empty if it is not a string."""
    return text(value, 200).replace("\n", " ") if isinstance(value, str) else ""


def words(value: Any) -> tuple[str, ...]:
    """Return the items of a list as short lines; empty if `value` is not a list."""
    return tuple(word(one) for one in listed(value)[:500])


def listed(value: Any) -> list[Any]:
    """Return `value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []
