"""Merges what a proof has shown into the guesses: each becomes proved or conflicting, or stays read, and says why."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Guess, Inspection, Variable, contract
from dz.tasklib.proof.attempts import Attempt
from dz.tasklib.proof.proof import Proof
from dz.tasklib.proof.verdicts import CONFLICTING, PROVED, READ

BASIS = "the proof"
_DATABASES = (("sqlite", "sqlite"), ("postg", "postgres"), ("psqlextra", "postgres"), ("mysql", "mysql"))
_DO = {"application": "does", "migrations": "do"}
_BEST = (PROVED, CONFLICTING, READ)


def merged(inspection: Inspection, proof: Proof) -> Inspection:
    """Return the inspection with its guesses as the proof leaves them and with the fields that follow from these."""
    chosen = proof.chosen
    if chosen is None:
        return _with_note(inspection, proof)
    guesses = _roots(_settings(list(inspection.guesses), chosen, proof.attempts), chosen, proof.attempts)
    if chosen.plan.project_root != inspection.project_root:
        guesses = _of_other_root(guesses, chosen.plan)
    for change in (_entry, _dependencies, _python, _django, _database, _variables):
        guesses = change(guesses, chosen)
    plan = chosen.plan
    asked = tuple(str(g.value) for g in guesses if g.field == "env_required" and g.is_primary)
    return replace(
        inspection,
        guesses=tuple(guesses),
        settings_module=plan.django_settings_module,
        project_root=plan.project_root,
        wsgi=plan.wsgi,
        asgi=plan.asgi,
        asgi_needed=plan.use_asgi,
        **_installs(inspection, plan),
        environment=_environment(inspection, guesses),
        ambiguous=inspection.ambiguous and not _decided(inspection, proof),
        env_required=tuple(sorted(set(asked))),
        warnings=(*inspection.warnings, *chosen.warnings),
        database=next((g.value for g in guesses if g.field == "database" and g.is_primary), inspection.database),
    )


def _installs(inspection: Inspection, plan: Plan) -> dict[str, Any]:
    if plan.project_root == inspection.project_root:
        return {}
    return {"dependency_files": plan.dependency_files, "package_manager": plan.package_manager}


def _of_other_root(guesses: list[Guess], plan: Plan) -> list[Guess]:
    """Make the plan's dependency files and package manager primary: another root of the repository has its own."""
    files = _candidates(guesses, "dependency_files", list(plan.dependency_files), [])
    return _candidates(files, "package_manager", plan.package_manager, [])


def applied(inspection: Inspection, guesses: Iterable[Guess], *, ambiguous: bool) -> Inspection:
    """Apply the stored guesses of a proved inspection to a fresh one: its primary candidates and its variables.

    Args:
        ambiguous: several candidates were still equally likely after the proof.
    """
    guesses = list(guesses)
    primary = {guess.field: guess.value for guess in guesses if guess.is_primary}
    required = {str(guess.value) for guess in guesses if guess.is_primary and guess.field == "env_required"}
    fields = ("project_root", "settings_module", "wsgi", "asgi", "package_manager", "database")
    known = {field: primary[field] for field in fields if primary.get(field)}
    if primary.get("dependency_files"):
        known["dependency_files"] = tuple(primary["dependency_files"])
    known["environment"] = _environment(inspection, guesses)
    return replace(inspection, **known, env_required=tuple(sorted(required)), ambiguous=ambiguous)


def _environment(inspection: Inspection, guesses: Iterable[Guess]) -> tuple[Variable, ...]:
    """Return the variables, each required or not as its guess says, with those that only the proof has found."""
    found = [guess for guess in guesses if guess.field == "env_required"]
    required, read = {guess.value: guess.is_primary for guess in found}, {one.name for one in inspection.environment}
    known = (replace(one, required=required.get(one.name, one.required)) for one in inspection.environment)
    more = (contract.unread(str(g.value), g.basis) for g in found if g.is_primary and g.value not in read)
    return (*known, *more)


def _with_note(inspection: Inspection, proof: Proof) -> Inspection:
    """Note on the primary settings guess why nothing was run."""
    noted = (
        replace(g, happened=proof.happened) if g.field == "settings_module" and g.is_primary else g
        for g in inspection.guesses
    )
    return replace(inspection, guesses=tuple(noted))


def _decided(inspection: Inspection, proof: Proof) -> bool:
    """Say whether the proof settled the choice: it proved a candidate other than the first, or the only one."""
    return proof.outcome == PROVED and (
        proof.chosen is not proof.attempts[0] or len({g.value for g in _of(inspection.guesses, "settings_module")}) == 1
    )


def _of(guesses: Iterable[Guess], field: str) -> list[Guess]:
    return [guess for guess in guesses if guess.field == field]


def _changed(guesses: list[Guess], field: str, change: Callable[[Guess], Guess]) -> list[Guess]:
    return [change(guess) if guess.field == field else guess for guess in guesses]


def _candidates(guesses: list[Guess], field: str, chosen: Any, verdicts: Iterable[tuple[Any, str, str]]) -> list[Guess]:
    """Note the verdict on each value of a field, and make the chosen value primary, adding it if it is new."""
    known: dict[str, tuple[str, str]] = {}
    for value, proof, happened in verdicts:
        if str(value) not in known or _BEST.index(proof) < _BEST.index(known[str(value)][0]):
            known[str(value)] = proof, happened

    def change(guess: Guess) -> Guess:
        proof, happened = known.get(str(guess.value), (READ, ""))
        return replace(guess, proof=proof, happened=happened, is_primary=guess.value == chosen)

    changed = _changed(guesses, field, change)
    if chosen and all(guess.value != chosen for guess in _of(guesses, field)):
        proof, happened = known.get(str(chosen), (READ, ""))
        changed.append(Guess(field, chosen, BASIS, proof=proof, happened=happened))
    return changed


def _settings(guesses: list[Guess], chosen: Attempt, attempts: Iterable[Attempt]) -> list[Guess]:
    verdicts = [(attempt.settings_module, *_of_settings(attempt)) for attempt in attempts]
    return _candidates(guesses, "settings_module", chosen.settings_module, verdicts)


def _of_settings(attempt: Attempt) -> tuple[str, str]:
    """Return proof and text for the settings; a failure that is not their fault leaves them unproved."""
    if attempt.outcome == CONFLICTING and attempt.stage in ("application", "migrations"):
        return READ, f"they load and pass Django's checks; the {attempt.stage} {_DO[attempt.stage]} not load"
    if attempt.outcome == CONFLICTING and attempt.stage == "install":
        return READ, "not run: what it needs could not be installed"
    return attempt.outcome, attempt.happened


def _roots(guesses: list[Guess], chosen: Attempt, attempts: Iterable[Attempt]) -> list[Guess]:
    verdicts = [(one.plan.project_root, PROVED if one.outcome == PROVED else READ, "") for one in attempts]
    if not _of(guesses, "project_root"):
        return guesses
    return _candidates(guesses, "project_root", chosen.plan.project_root, verdicts)


def _entry(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    """Apply the verdict to the entry that was loaded; the other one stays unproved."""
    used, other = ("asgi", "wsgi") if attempt.plan.use_asgi else ("wsgi", "asgi")
    values = {"wsgi": attempt.plan.wsgi, "asgi": attempt.plan.asgi}
    verdict = READ, ""
    if attempt.outcome == PROVED or attempt.stage in ("request", "migrations"):
        verdict = PROVED, "it loads"
    elif attempt.stage == "application":
        verdict = attempt.outcome, attempt.happened
    if values[used] is not None:
        guesses = _candidates(guesses, used, values[used], [(values[used], *verdict)])
    return _candidates(guesses, other, values[other], []) if values[other] is not None else guesses


def _dependencies(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    installed = attempt.stage != "install"
    proved, text = (PROVED, "all of it installs") if installed else (attempt.outcome, attempt.happened)
    files = {*attempt.plan.dependency_files}

    def of_files(guess: Guess) -> Guess:
        same = isinstance(guess.value, list | tuple) and bool(files & {str(name) for name in guess.value})
        return replace(guess, proof=proved, happened=text) if guess.is_primary and same else guess

    def of_manager(guess: Guess) -> Guess:
        return replace(guess, proof=PROVED) if installed and guess.value == attempt.plan.package_manager else guess

    return _changed(_changed(guesses, "dependency_files", of_files), "package_manager", of_manager)


def _python(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    refused = attempt.error in ("NoMatchingPython", "PythonMissing")
    if not attempt.python and not refused:
        return guesses

    def change(guess: Guess) -> Guess:
        if not guess.is_primary or refused:
            return replace(guess, happened=attempt.happened) if guess.is_primary else guess
        fits = attempt.outcome == PROVED and _allows(str(guess.value), attempt.python)
        return replace(guess, proof=PROVED if fits else READ, happened=f"Python {attempt.python} was used")

    return _changed(guesses, "python_version", change)


def _django(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    version = attempt.django_version
    if not version:
        return guesses
    if not _of(guesses, "django_version"):
        return [*guesses, Guess("django_version", version, BASIS, proof=PROVED, happened=f"Django {version} installed")]

    def change(guess: Guess) -> Guess:
        if not guess.is_primary:
            return guess
        return replace(guess, proof=PROVED, happened=f"Django {version} was installed")

    return _changed(guesses, "django_version", change)


def _database(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    engine = attempt.engine
    kind = next((kind for part, kind in _DATABASES if part in engine), None)
    primary = next((guess for guess in _of(guesses, "database") if guess.is_primary), None)
    if kind is None or primary is None or attempt.outcome == CONFLICTING:
        return guesses
    if primary.value in (kind, "any"):
        return _changed(guesses, "database", lambda g: replace(g, proof=PROVED, happened=f"the settings name {engine}"))
    said = f"the settings name {engine} when they are loaded"
    before = _changed(guesses, "database", lambda g: replace(g, proof=CONFLICTING, happened=said, is_primary=False))
    return [*before, Guess("database", kind, BASIS, proof=PROVED, happened=said)]


def _variables(guesses: list[Guess], attempt: Attempt) -> list[Guess]:
    """Mark variables without which loading failed as required, and those without which the settings loaded as not."""
    missing, unneeded = dict(attempt.missing), set(attempt.unneeded)

    def change(guess: Guess) -> Guess:
        if guess.value in missing:
            return replace(guess, proof=PROVED, happened="it does not load without this variable")
        if guess.value in unneeded:
            return replace(guess, proof=CONFLICTING, happened="the settings load without it", is_primary=False)
        return guess

    known = {guess.value for guess in _of(guesses, "env_required")}
    new = [
        Guess("env_required", name, place or BASIS, proof=PROVED, happened="it does not load without this variable")
        for name, place in missing.items()
        if name not in known
    ]
    return _changed(guesses, "env_required", change) + new


def _allows(constraint: str, version: str) -> bool:
    try:
        return SpecifierSet(constraint).contains(version, prereleases=True)
    except InvalidSpecifier:
        return f"{version}.".startswith(f"{constraint.strip().removeprefix('python-')}.")
