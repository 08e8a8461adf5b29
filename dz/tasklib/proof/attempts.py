"""Tries one candidate of a proof: makes its virtualenv, and runs it until it asks for nothing more."""

import functools
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dz.adapters.installer import Installer
from dz.adapters.python_downloads import Pythons
from dz.errors import DependencyNotFound, DzError, InvalidRequirement, VerificationFailed
from dz.tasklib.checkouts import absent
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Inspection
from dz.tasklib.proof import verdicts
from dz.tasklib.proof.rooms import Room
from dz.tasklib.proof.verdicts import CONFLICTING, READ, Verdict
from dz.tasklib.variables import placeholders
from dz.tasklib.verification import dry_run, migrations, outgrown, verification
from dz.tasklib.virtualenvs import virtualenvs
from dz.tasklib.virtualenvs.dated import Installation, does_not_load, unnamed
from dz.tasklib.virtualenvs.interpreters import choose_interpreter
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv, may_be_dated
from dz.tasklib.virtualenvs.wheels import PackageCache

RUNS = 12
"""How often one candidate is loaded at most, each time with the values that it asked for the time before."""
_NOT_BY_VALUES = ("ModuleNotFoundError", "ImportError", "SyntaxError", "IndentationError")
"""Errors that no value of a variable can cause."""


@dataclass(frozen=True)
class Attempt:
    """What happened to one candidate.

    Args:
        stage: how far it got: install, settings, setup, check, handler, application, request, migrations, answered.
        status: the HTTP status of the first page; None if it did not get that far.
        error: the type of the error.
        happened: one short sentence.
        missing: (name, place) of the variables without which it failed.
        unneeded: variables that were thought to be required, but without which its settings loaded.
        stood_in: variables that had placeholders in the last run.
        python: the full version of the Python that it ran in.
        warnings: what the owner should know before the project goes live.
        outgrown: the package that no longer has what the project uses, if that is why it does not load.
    """

    plan: Plan
    outcome: str
    stage: str
    happened: str
    status: int | None = None
    error: str = ""
    missing: tuple[tuple[str, str], ...] = ()
    unneeded: tuple[str, ...] = ()
    stood_in: tuple[str, ...] = ()
    python: str = ""
    django_version: str = ""
    engine: str = ""
    warnings: tuple[str, ...] = ()
    outgrown: str = ""

    @property
    def settings_module(self) -> str:
        """The candidate's settings module."""
        return self.plan.django_settings_module

    def to_json(self) -> dict[str, Any]:
        """Return what people are told about it."""
        own = {"settings_module": self.settings_module, "project_root": self.plan.project_root}
        kind = "asgi" if self.plan.use_asgi else "wsgi"
        names = ("outcome", "stage", "happened", "status", "error", "python", "django_version", "engine")
        lists = {"missing": [name for name, _ in self.missing], "stood_in": list(self.stood_in)}
        return {**own, "application": kind, **{name: getattr(self, name) for name in names}, **lists}


@dataclass(frozen=True)
class Prover:
    """What a proof needs from its server.

    Args:
        pythons: those that sites can get.
        variables: the owner's; the project's code gets them, but no text shows their values.
        timeout: seconds for loading a candidate once.
        on_line: called with each line of the installer's output.
        packages: the package cache that all projects share; None: there is none.
        hosts: the operator's list of sources, from which packages may come, too.
        site: what `verification.site_variables` says of the site that it may become.
    """

    room: Room
    pythons: Pythons
    installer: Installer
    variables: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 120
    on_line: Callable[[str], None] | None = None
    packages: PackageCache | None = None
    hosts: Collection[str] = ()
    site: Mapping[str, str] = field(default_factory=dict)


def try_candidate(plan: Plan, checkout: Checkout, inspection: Inspection, prover: Prover) -> Attempt:
    """Install and load one candidate; candidates with the same requirements share the virtualenv."""
    room = prover.room
    make = functools.partial(
        virtualenvs.create,
        plan,
        checkout,
        folder=room.path / "envs",
        installer=prover.installer,
        sandbox=room.sandbox,
        packages=prover.packages,
        cache=room.cache,
        variables=prover.variables,
        hosts=prover.hosts,
        bytecode=False,
        on_line=prover.on_line,
    )
    installation = Installation(plan, checkout, prover.pythons, make, on_line=prover.on_line)
    try:
        choice = choose_interpreter(plan, prover.pythons, on_line=prover.on_line)
        virtualenv = installation.install(choice.interpreter)
    except DzError as error:
        wrong = isinstance(error, DependencyNotFound | InvalidRequirement)
        # Lines after the first are the installer's own output, with paths of this server.
        happened = verdicts.short(error.found.split("\n", 1)[0].rstrip(":"))
        return Attempt(plan, CONFLICTING if wrong else READ, "install", happened, error=error.code)
    made = _Loading(plan, checkout, virtualenv, inspection, prover).attempt()
    if made.outgrown:
        made, virtualenv = _as_of_commit(made, installation, virtualenv, inspection, prover)
    made = replace(made, django_version=made.django_version or verdicts.installed_django(virtualenv.path))
    reason = verdicts.wrong_python(made.django_version, choice.interpreter.version, choice.warnings)
    if made.outcome == CONFLICTING and reason:
        return replace(made, outcome=READ, happened=verdicts.short(f"{reason} {made.happened}"))
    return made


def _as_of_commit(
    made: Attempt, installation: Installation, newest: Virtualenv, inspection: Inspection, prover: Prover
) -> tuple[Attempt, Virtualenv]:
    """Load a candidate with the versions of its commit's date, if those can be others; what gets further counts."""
    failed = unnamed(VerificationFailed(made.happened, "", made.outgrown), newest, installation.plan)
    told = replace(made, happened=verdicts.short(failed.found))
    if newest.as_of or not may_be_dated(installation.checkout):
        return told, newest
    why = does_not_load(made.happened)
    try:
        older = installation.as_of_commit(newest.python, why, failed.record(), newest=newest)
    except DzError as error:
        return replace(made, happened=verdicts.short(error.found)), newest
    other = _Loading(installation.plan, installation.checkout, older, inspection, prover).attempt()
    if other.outcome == CONFLICTING:
        return told, newest
    return other, older


class _Loading:
    """Loads one candidate again and again, each time with the variables that it asked for."""

    def __init__(
        self, plan: Plan, checkout: Checkout, virtualenv: Virtualenv, inspection: Inspection, prover: Prover
    ) -> None:
        self.plan, self.checkout, self.virtualenv = plan, checkout, virtualenv
        self.inspection, self.prover = inspection, prover
        self.given = {**verification.placeholder_variables(plan), "DZ_PLAIN_STATIC_STORAGE": "1", **prover.variables}
        self.placeholders: dict[str, str] = {}
        self.refused: Counter[str] = Counter()
        self.missing: dict[str, str] = {}
        self.unneeded: tuple[str, ...] = ()
        self.outgrown = ""

    def attempt(self) -> Attempt:
        """Load the candidate until it asks for nothing more, and return what happened in the end."""
        for _ in range(RUNS):
            verdict = self.run()
            if not self.fill_in(verdict):
                break
        lacking = absent.cause(self.checkout, verdict.happened) if verdict.error else None
        happened = f"{lacking[0]} {verdict.happened}" if lacking else verdict.happened
        if self.placeholders and verdict.outcome == CONFLICTING and verdict.error not in _NOT_BY_VALUES:
            verdict = replace(verdict, outcome=READ)
        if self.placeholders:
            happened = f"with stand-ins for {', '.join(sorted(self.placeholders))}: {happened}"
        return Attempt(
            self.plan,
            verdict.outcome,
            verdict.stage,
            verdicts.short(happened),
            status=verdict.status,
            error=verdict.error,
            missing=tuple(self.missing.items()),
            unneeded=self.unneeded,
            stood_in=tuple(sorted(self.placeholders)),
            python=self.virtualenv.python.full,
            django_version=verdict.django_version,
            engine=verdict.engine,
            warnings=(*verdict.warnings, *self.virtualenv.dated),
            outgrown=self.outgrown,
        )

    def run(self) -> Verdict:
        """Load it once, in a process of its own."""
        number = len(list(self.prover.room.path.glob("run-*")))
        done, report = dry_run.run(
            self.plan,
            self.checkout,
            self.virtualenv,
            place=self.prover.room.path / f"run-{number}",
            sandbox=self.prover.room.sandbox,
            given={**self.placeholders, **self.given, **self.prover.site},
            timeout=self.prover.timeout,
            options={"request": True, "migrates": migrations.are_run(self.plan.hooks)},
            secret=tuple(self.prover.variables.values()),
        )
        verdict = verdicts.judge(
            report,
            done,
            required_files=self.inspection.required_files,
            warnings=migrations.all_warnings(report, self.plan.hooks, self.checkout.path),
        )
        failed = verdict.outcome == CONFLICTING
        self.outgrown = outgrown.package(report, self.plan, self.checkout.path, self.virtualenv) if failed else ""
        if not self.placeholders and verdict.stage != "settings" and not self.missing:
            self.unneeded = tuple(name for name in self.plan.required_variables if name not in self.given)
        return verdict

    def fill_in(self, verdict: Verdict) -> bool:
        """Supply a placeholder for a variable that the last run missed or refused; return whether there was one."""
        if verdict.variable and verdict.variable not in {**self.placeholders, **self.given}:
            self.missing[verdict.variable] = verdict.place
            wanted = {verdict.variable, *self.plan.required_variables} - self.given.keys()
            self.placeholders |= {name: placeholders.placeholder(name) for name in wanted - self.placeholders.keys()}
            return True
        name = placeholders.refused(self.placeholders, verdict.message, verdict.line) if verdict.error else None
        if name and self.refused[name] < len(placeholders.OTHERS):
            self.placeholders[name] = placeholders.OTHERS[self.refused[name]]
            self.refused[name] += 1
            return True
        return False
