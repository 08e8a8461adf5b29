"""What a report says of a project's migrations: what must not be deployed, and what its owner should know."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from dz.adapters import files
from dz.errors import DzError, VerificationFailed
from dz.tasklib.verification import reports

History = Mapping[str, Sequence[tuple[str, str]]]
"""For each migration pairs of a kind and what it does."""
_PARENT = re.compile(r"nonexistent parent node \('(\w+)'|Dependency on app with no migrations: (\w+)")
"""How Django names the app whose migrations are not there: django/db/migrations/{graph,loader}.py."""
_IGNORES = re.compile(r"[^#!\s].*?(\bmigrations\b|\b0+\*)|0+\*|migrations\b")
"""A line of a .gitignore that is about migrations, by the name of their folder or by the zeros of their names."""
_ANSWER = "models.json"
_SHOWN = 5
_MOST = 2000
"""Migrations whose history is kept; a project of 150 apps has fewer."""
_SIZE = 64_000
"""Bytes of a .gitignore that are read."""


def are_run(hooks: Sequence[str]) -> bool:
    """Say whether release hooks run the migrations; what cannot be migrated then fails on the appserver for certain."""
    return any(hook.startswith("migrate") for hook in hooks)


def explained(error: DzError, root: Path) -> DzError:
    """Return the error of migrations that name others which are not there, with what their owner can do.

    Args:
        root: the checkout.
    """
    app = next((one or other for one, other in _PARENT.findall(error.found)), None)
    if app is None:
        return error
    line = _ignored(root, app)
    return VerificationFailed(f"{error.found.rstrip('.')}. {line}" if line else error.found, _commit(app))


def refuse(report: Mapping[str, Any], hooks: Sequence[str], root: Path) -> None:
    """Refuse what no `migrate` gets past, if release hooks run it.

    Args:
        root: the checkout.

    Raises:
        VerificationFailed: an app has several newest migrations, or others build on tables that no migration makes.
    """
    if not are_run(hooks):
        return
    found = {label: reports.words(names) for label, names in _items(report.get("conflicts"))}
    if found:
        named = "; ".join(f"{label} has {_some(names, ' and ')}" for label, names in found.items())
        raise VerificationFailed(
            f"Migrations conflict, for none of them comes after the other: {named}. `migrate` refuses them.",
            f"Run `python manage.py makemigrations --merge {' '.join(found)}`, and commit what it writes.",
        )
    for one in _unmigrated(report, hooks):
        if other := reports.word(one.get("needed_by")):
            label, models, why = _described(one, root)
            raise VerificationFailed(
                f"The migrations of {other} need tables of {label}, which has models ({models}) but no migrations.{why}",
                _commit(label),
            )


@dataclass(frozen=True)
class LastAnswer:
    """Where models were ahead of their migrations when a project was last verified, which costs more than the rest.

    Args:
        environment: the key of the virtualenv.
        models: a digest of the code that decides it.
        unmade: for each app what no migration makes.
        history: for each migration what it takes from older code, see `shim/dz_history.py`; None: nobody knows.
    """

    environment: str
    models: str = ""
    unmade: Mapping[str, Sequence[str]] = field(default_factory=dict)
    history: History | None = None

    @classmethod
    def read(cls, work: Path, environment: str) -> "LastAnswer":
        """Read the answer that was written to `work` with the same virtualenv; an empty one if there is none."""
        try:
            known = json.loads((work / _ANSWER).read_text("utf-8"))
            known["history"]  # an answer of before this was asked for is none
            return cls(**known) if known["environment"] == environment else cls(environment)
        except (OSError, ValueError, KeyError, TypeError):
            return cls(environment)

    def replaced(self, report: Mapping[str, Any]) -> "LastAnswer":
        """Return the answer of a report; this one if the report says that its code is the same."""
        models = reports.word(report.get("models"))
        if models == self.models:
            return self
        return LastAnswer(self.environment, models, unmade(report), history(report))

    def write(self, work: Path) -> None:
        """Write the answer to the folder `work`, which is the platform's."""
        files.write(work / _ANSWER, json.dumps(asdict(self)), mode=0o600, sync=False)


def warnings(
    report: Mapping[str, Any], unmade: Mapping[str, Sequence[str]], hooks: Sequence[str], root: Path
) -> list[str]:
    """Return what the owner should know about models that the database will not fit.

    Args:
        unmade: for each app the changes of its models that no migration makes.
        root: the checkout.
    """
    refused = are_run(hooks)
    without = [one for one in _unmigrated(report, hooks) if not (refused and one.get("needed_by"))]
    return [_without_migrations(one, root) for one in without] + [
        f"The models of {label} have changes that no migration makes: {_some(names, ', ')}. The database stays as the "
        f"migrations say, so pages that need these changes fail. Run `python manage.py makemigrations {label}`, and commit "
        "what it writes."
        for label, names in unmade.items()
    ]


def all_warnings(report: Mapping[str, Any], hooks: Sequence[str], root: Path) -> list[str]:
    """Return also what `refuse` would refuse, for a run that is not a build."""
    try:
        refuse(report, hooks, root)
        refused = []
    except VerificationFailed as error:
        refused = [f"{error.found} {error.remedy}"]
    return refused + warnings(report, unmade(report), hooks, root)


def unmade(report: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return for each app the changes of its models that no migration makes."""
    return {label: reports.words(names) for label, names in _items(report.get("unmade"))}


def history(report: Mapping[str, Any]) -> History | None:
    """Return for each migration what it takes from older code; None if the report does not say."""
    found = report.get("history")
    if not isinstance(found, dict):
        return None
    return {reports.word(name): _harms(harms) for name, harms in islice(found.items(), _MOST)}


def _harms(value: Any) -> list[tuple[str, str]]:
    pairs = [reports.words(one)[:2] for one in reports.listed(value)[:50]]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _unmigrated(report: Mapping[str, Any], hooks: Sequence[str]) -> list[dict[str, Any]]:
    """Return the apps whose tables nothing makes."""
    synced = any("--run-syncdb" in hook for hook in hooks)
    return [one for one in reports.listed(report.get("unmigrated")) if isinstance(one, dict) and not synced]


def _described(one: dict[str, Any], root: Path) -> tuple[str, str, str]:
    """Return the label of an app without migrations, its models, and what hides its migrations from git."""
    line = _ignored(root, reports.word(one.get("folder")))
    return reports.word(one.get("app")), _some(reports.words(one.get("models")), ", "), f" {line}" if line else ""


def _without_migrations(one: dict[str, Any], root: Path) -> str:
    label, models, why = _described(one, root)
    if one.get("unseen") is True:
        folder = f"{reports.word(one.get('folder'))}/migrations"
        return (
            f"{label} has models ({models}), and {folder} has no __init__.py, so Django sees no migrations there: its tables "
            f"will not exist, and pages that need them fail. Commit an empty {folder}/__init__.py."
        )
    return (
        f"{label} has models ({models}) but no migrations, so its tables will not exist and pages that need them fail."
        f"{why} {_commit(label)}"
    )


def _commit(label: str) -> str:
    return f"Run `python manage.py makemigrations {label}`, and commit the migrations of {label}: git must not ignore them."


def _ignored(root: Path, folder: str) -> str | None:
    """Name the line of a .gitignore, from the root of the checkout down to `folder`, that is about migrations."""
    parts = PurePosixPath(folder).parts
    if ".." in parts or folder.startswith("/"):
        return None
    for number in range(len(parts) + 1):
        path = root.joinpath(*parts[:number], ".gitignore")
        if not path.is_file() or path.is_symlink():
            continue
        with path.open("rb") as stream:
            lines = stream.read(_SIZE).decode("utf-8", "replace").splitlines()
        for line, text in enumerate(lines, 1):
            if _IGNORES.match(text.strip()):
                return f"{path.relative_to(root)}:{line} has git ignore them: {reports.text(text.strip(), 100)}."
    return None


def _items(value: Any) -> list[tuple[str, Any]]:
    """Return the items of a JSON object with short names; empty if `value` is none."""
    return [(reports.word(name), item) for name, item in islice(value.items(), 50)] if isinstance(value, dict) else []


def _some(names: Sequence[str], between: str) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return between.join(names[:_SHOWN]) + more
