"""Old projects whose lists name no versions: where the newest ones fail, those of the commit's date are installed.

A lock file or a pin always decides. That no versions fit each other is never a reason: older ones are among those that
were tried. What was found is noted beside the virtualenvs, so that the next build need not fail first.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from dz.adapters import files
from dz.adapters.interpreters import Interpreter
from dz.adapters.python_downloads import Pythons
from dz.errors import DzError, FailureRecord, UploadDatesMissing, VerificationFailed, from_record
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import distributions, django_releases
from dz.tasklib.virtualenvs.interpreters import choose_interpreter
from dz.tasklib.virtualenvs.requirements import pinned
from dz.tasklib.virtualenvs.virtualenvs import NewestFails, Virtualenv, may_be_dated

_NOTES = ".newest-fails.json"
_KEPT = 50
"""How many notes a project has at most; the oldest go first."""
_SHOWN = 8
Loaded = TypeVar("Loaded")


@dataclass(frozen=True)
class Installation:
    """Installs the dependencies of one project.

    Args:
        pythons: those that sites can get; an older Django may need an older one.
        make: `virtualenvs.create` for this plan and checkout; called with an interpreter, and with `as_of` for versions
            that are no newer.
        folder: that of the virtualenvs, where notes are kept; None: none are.
        on_line: called with each line of the download of a Python.
    """

    plan: Plan
    checkout: Checkout
    pythons: Pythons
    make: Callable[..., Virtualenv]
    folder: Path | None = None
    on_line: Callable[[str], None] | None = None

    def install(self, interpreter: Interpreter) -> Virtualenv:
        """Return the virtualenv with the newest versions, or the one of the commit's date if those are known to fail.

        Raises:
            DzError: see `virtualenvs.create`.
        """
        notes = self._notes()
        try:
            newest = self.make(interpreter=interpreter, fails=notes)
        except NewestFails as error:
            made = self.as_of_commit(
                interpreter, error.why, FailureRecord("DependencyBuildFailed", error.found, error.remedy)
            )
            self._note(error.key, error.why)
            return made
        known = notes.get(f"{newest.key} {self.checkout.commit}")
        return self.as_of_commit(newest.python, known, newest=newest) if known else newest

    def loaded(self, newest: Virtualenv, load: Callable[[Virtualenv], Loaded]) -> tuple[Virtualenv, Loaded]:
        """Load the project, with the versions of its commit's date where it does not load with the newest ones.

        Args:
            load: loads the project in a virtualenv.

        Returns:
            The virtualenv in which it loads, and what `load` returned.

        Raises:
            DzError: what `load` raised; it says if other versions were tried.
        """
        try:
            return newest, load(newest)
        except VerificationFailed as error:
            if not error.outgrown:
                raise
            failed, why = unnamed(error, newest, self.plan), does_not_load(error.found)
            if newest.as_of or not may_be_dated(self.checkout):
                raise failed from None
        older = self.as_of_commit(newest.python, why, failed.record(), newest=newest)
        try:
            done = load(older)
        except DzError as error:
            raise _annotated(failed.record(), f"{self._date} it does not load either: {_first(error)}") from None
        self._note(f"{newest.key} {self.checkout.commit}", why)
        return older, done

    def as_of_commit(
        self,
        interpreter: Interpreter,
        why: str,
        failed: FailureRecord | None = None,
        *,
        newest: Virtualenv | None = None,
    ) -> Virtualenv:
        """Return the virtualenv with the versions of the commit's date; its warnings say so.

        Args:
            why: what is wrong with the newest ones, a sentence without its full stop.
            failed: the error that they lead to.

        Raises:
            DzError: `failed`, which then says that this was tried.
        """
        as_of = as_of_date(self.checkout)
        try:
            python = self._python(interpreter, as_of)
            made = self.make(interpreter=python, as_of=as_of)
        except UploadDatesMissing as error:
            raise _annotated(
                failed or error.record(),
                f"Versions of its commit's date, {as_of[:10]}, could not be tried: {_first(error)}",
            ) from None
        except DzError as error:
            if error.transient:
                raise
            raise _annotated(
                failed or error.record(), f"{self._date} they cannot be installed either: {_first(error)}"
            ) from None
        said = (
            f"{why}, and none of its lists names the versions that it needs: they were taken as of its commit's date, "
        )
        said += f"{as_of[:10]}. {_older(made, newest)}"
        if python.minor != interpreter.minor:
            said += f" They run on Python {python.full}."
        said += " List the versions that it needs to decide that yourself."
        return replace(made, warnings=(*made.warnings, said), dated=(said,))

    def _python(self, interpreter: Interpreter, as_of: str) -> Interpreter:
        """Return the Python for the Django of a date, which may be older than what the newest one gets."""
        releases = django_releases.releases(self.plan.django_version, as_of)
        if not releases:
            return interpreter
        plan = replace(self.plan, django_version=f"=={releases[0]}.*")
        return choose_interpreter(plan, self.pythons, on_line=self.on_line).interpreter

    @property
    def _date(self) -> str:
        return f"With the versions of its commit's date, {as_of_date(self.checkout)[:10]},"

    def _notes(self) -> dict[str, str]:
        path = self.folder / _NOTES if self.folder else None
        return json.loads(path.read_text("utf-8")) if path and path.exists() else {}

    def _note(self, key: str, why: str) -> None:
        if self.folder:
            notes = {**self._notes(), key: why}
            kept = dict(list(notes.items())[-_KEPT:])
            files.write(self.folder / _NOTES, json.dumps(kept), mode=0o600)


def as_of_date(checkout: Checkout) -> str:
    """Return the date of a commit in the form of RFC 3339, in UTC.

    Raises:
        ValueError: it is not known.
    """
    if checkout.date is None:
        raise ValueError(checkout)
    return checkout.date.strftime("%Y-%m-%dT%H:%M:%SZ")


def does_not_load(found: str) -> str:
    """Return why the newest versions do not do, for `Installation.as_of_commit`.

    Args:
        found: how loading the project failed.
    """
    return f"With the newest versions of its dependencies the project does not load ({_line(found)})"


def unnamed(error: VerificationFailed, newest: Virtualenv, plan: Plan) -> VerificationFailed:
    """Return the error with its cause: the version of a package that nothing names.

    Args:
        newest: the virtualenv in which the project did not load.
    """
    name = error.outgrown
    version = distributions.versions(newest.path).get(name, "")
    where = "Nothing says" if plan.dependency_files else "The repository has no list of dependencies, so nothing says"
    return VerificationFailed(
        f"{error.found.rstrip('.')}. {where} which version of {name} the project was written for; "
        f"{f'{name} {version}'.strip()} was installed, which no longer has what it uses.",
        f"List {name} in its requirements with the version that it was written for, or change what uses it.",
        name,
    )


def _older(made: Virtualenv, newest: Virtualenv | None) -> str:
    """Name the packages that are older than the newest; where that is not known, those that no line pins."""
    now, then = distributions.versions(made.path), distributions.versions(newest.path) if newest else {}
    if then:
        found = [
            f"{name} {now[name]} (not {then[name]})" for name in now.keys() & then.keys() if now[name] != then[name]
        ]
    else:
        found = [
            f"{name} {version}" for name, version in now.items() if name not in {*pinned(made.lines), *made.undated}
        ]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"{'Older' if then else 'Chosen so'}: {', '.join(sorted(found)[:_SHOWN])}{more}."
        if found
        else "They are the same."
    )


def _annotated(failed: FailureRecord, more: str) -> DzError:
    return from_record(FailureRecord(failed.code, f"{failed.found.rstrip('.')}. {more}", failed.remedy))


def _first(error: DzError) -> str:
    return f"{_line(error.found)}."


def _line(found: str) -> str:
    """Return the first line of what was found, without its full stop."""
    return found.partition("\n")[0].rstrip(".:")[:300]
