"""Turns the report of one run into what it proves; nothing in the report is trusted."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.version import Version

from dz.adapters import trees
from dz.adapters.processes import Finished
from dz.errors import DzError, MissingEnvironment, UnsupportedDatabase
from dz.tasklib.verification import reports
from dz.tasklib.verification.reports import text, word

PROVED, READ, CONFLICTING = "proved", "read", "conflicting"
SHOWN = 300
"""Length limit of what happened, in characters."""
_STAGES = ("settings", "setup", "check", "handler", "application", "request", "migrations")
_NEWEST_PYTHON = (("2.2", (3, 7)), ("3.1", (3, 8)), ("3.2", (3, 9)))
"""Pairs of a Django version and the newest Python that older ones were made for: docs.djangoproject.com, FAQ."""
_VERSION = re.compile(r"\d+(\.\d+){1,3}((a|b|rc)\d+)?", re.ASCII)
_UNREACHABLE = re.compile(r"Connect\w*Error|Connection\w*Error|Timeout\w*|gaierror|MaxRetryError|NoBrokersAvailable")
_MADE_BY_BUILD = re.compile(
    r"OfflineGenerationError|Webpack\w+|Missing staticfiles manifest|ViteManifest|manifest\.json"
)
_LIBRARY = re.compile(r"cannot open shared object file|cannot load library|no library called|Could not find the GDAL")


@dataclass(frozen=True)
class Verdict:
    """What one run shows.

    Args:
        stage: the stage in which the run ended; `answered` if it passed all.
        happened: what people are told.
        variable: the environment variable that is missing, if that is the cause.
        message, line: of the error; they tell which placeholder was refused.
        place: file and line of the error.
    """

    outcome: str
    stage: str
    happened: str
    status: int | None = None
    error: str = ""
    message: str = ""
    line: str = ""
    place: str = ""
    variable: str | None = None
    django_version: str = ""
    engine: str = ""
    warnings: tuple[str, ...] = ()


def judge(
    report: dict[str, Any], done: Finished, *, required_files: Sequence[str] = (), warnings: Sequence[str] = ()
) -> Verdict:
    """Return what a run of the shim with `request` shows.

    Args:
        warnings: what else is known of what was run.
        required_files: files that the settings read and that the repository does not have.
    """
    answer = report["answer"] if isinstance(report.get("answer"), dict) else {}
    status = answer["status"] if isinstance(answer.get("status"), int) else None
    version = word(report.get("django_version"))
    facts: dict[str, Any] = {
        "status": status,
        "django_version": version if _VERSION.fullmatch(version) else "",
        "engine": word(report.get("engine")),
        "warnings": (*reports.warnings(report), *warnings),
    }
    if report.get("ok") is True and done.ok:
        secret = "; it has no secret key of its own, the platform gives it one" * (report.get("secret_key") is False)
        return Verdict(PROVED, "answered", _answered(answer, status) + secret, **facts)
    error = report["error"] if isinstance(report.get("error"), dict) else {}
    stage = _stage(report, error, status)
    if status is not None and not error:
        return Verdict(CONFLICTING, stage, f"its first page answers {status}", **facts)
    message = text(error.get("message"), 4000)
    try:
        reports.judge(report, done, unset=())
    except DzError as found:
        outcome, happened = _outcome(found, error, message, stage, done, required_files), found.found
    return Verdict(
        outcome,
        stage,
        short(happened),
        error=word(error.get("type")) or ("Timeout" if done.timed_out else ""),
        message=message,
        line=text(error.get("text"), 300),
        place=_place(error),
        variable=reports.missing_variable(error, message) if error else None,
        **facts,
    )


def installed_django(virtualenv: Path) -> str:
    """Return the version of Django in a virtualenv, by the name of its `.dist-info` folder; "" if there is none."""
    found = trees.matching(virtualenv, "lib", "python*", "site-packages", "[Dd]jango-*.dist-info")
    version = next((path.rpartition("/")[2].split("-", 1)[1].removesuffix(".dist-info") for path in found), "")
    return version if _VERSION.fullmatch(version) else ""


def wrong_python(django: str, python: tuple[int, int, int], warnings: Sequence[str]) -> str:
    """Say that this server lacks the Python that the project was written for, which may explain a failure; else "".

    Args:
        warnings: those of `choose_interpreter` about a preference that it could not meet.
    """
    if warnings:
        return warnings[0]
    newest = next((newest for before, newest in _NEWEST_PYTHON if django and Version(django) < Version(before)), None)
    if newest is None or python[:2] <= newest:
        return ""
    return f"Django {django} was written for Python {newest[0]}.{newest[1]} and older, which this server does not have."


def short(happened: str) -> str:
    """Return a text on one line of bounded length."""
    words = " ".join(text(happened, 4000).split())
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"


def _answered(answer: dict[str, Any], status: int | None) -> str:
    if answer.get("database") is True:
        return "the application loads; its first page reads the database, which is not there yet"
    if status == 404:
        return "the application loads and answers; it has no page at /"
    return f"the application loads and answers GET / with {status}"


def _stage(report: dict[str, Any], error: dict[str, Any], status: int | None) -> str:
    if report.get("check_errors"):
        return "check"
    named = word(error.get("stage"))
    if named in _STAGES:
        return named
    return "request" if status is not None else "settings"


def _place(error: dict[str, Any]) -> str:
    line = error.get("line")
    return f"{text(error.get('file'), 200)}:{line if isinstance(line, int) else 0}" if error.get("file") else ""


def _outcome(
    found: DzError, error: dict[str, Any], message: str, stage: str, done: Finished, required_files: Sequence[str]
) -> str:
    """Say whether a failure contradicts what was read, or only leaves it unproved."""
    kinds = " ".join(word(kind) for kind in reports.listed(error.get("chain"))[:5])
    if done.timed_out or done.exceeded or isinstance(found, MissingEnvironment) or _LIBRARY.search(message):
        return READ
    if isinstance(found, UnsupportedDatabase):
        return READ if "GeoDjango" in found.found else CONFLICTING
    if stage == "settings" and required_files:
        return READ
    if stage == "request" and (_UNREACHABLE.search(kinds) or _MADE_BY_BUILD.search(f"{kinds} {message}")):
        return READ
    return CONFLICTING
