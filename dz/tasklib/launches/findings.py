"""What a launch knows about a repository: what was read and proved, and what a person's answer makes of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dz import names
from dz.adapters.python_downloads import Pythons
from dz.errors import DzError, NotDjango
from dz.tasklib import detection, projects
from dz.tasklib.configuration import confirmed, needs, resolution, zoombuild
from dz.tasklib.configuration.keys import Value
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.guesses import proved, rows
from dz.tasklib.jobs import jobs
from dz.tasklib.projects import ProjectView
from dz.tasklib.variables import missing, stored
from dz.tasklib.variables.missing import MissingVariable
from dz.zoomdb import Zoomdb

_ROWS = "sqlite_data"
"""The kind of risk that is an offer: rows of a committed database, which a first deploy can copy."""


@dataclass(frozen=True)
class Findings:
    """Everything that the form shows and that an answer is compared with.

    Args:
        root: the checkout that was inspected.
        config: the `zoombuild.cfg` that came with the request.
        stored: the newest one that was verified for the project.
        pythons: those that sites can get.
        wanted: the variables that nobody has set yet.
    """

    inspection: Inspection
    guesses: tuple[Guess, ...]
    root: Path
    url: str
    commit: str
    config: str | None
    stored: str | None
    pythons: Pythons
    project: ProjectView
    wanted: tuple[MissingVariable, ...] = ()

    def plan(self, form: Mapping[str, Value] | None = None) -> Plan:
        """Return the plan that a build would follow; of candidates that are equally likely, it takes the first."""
        chosen = {
            "project_root": self.inspection.project_root or ".",
            "django_settings_module": self.inspection.settings_module or "",
        }
        given: dict[str, Value] = {key: value for key, value in chosen.items() if self.inspection.ambiguous and value}
        for text in (self.stored, self.config):
            given |= zoombuild.parse(text).values if text else {}
        return resolution.of_checkout(
            self.inspection,
            self.root,
            source_url=self.url,
            attached=self.config,
            stored=self.stored,
            form=given | dict(form or {}),
        )

    @property
    def offers_rows(self) -> bool:
        """Whether the rows of a committed database are offered, and nobody has said yes or no."""
        offered = any(risk.kind == _ROWS for risk in self.inspection.risks)
        return offered and "copy_data" not in self._chosen()

    def accepting(self) -> "Findings":
        """Return the findings of somebody who says yes to what is offered."""
        return replace(self, config=zoombuild.changed(self.config, copy_data="yes")) if self.offers_rows else self

    def _chosen(self) -> Collection[str]:
        return resolution.chosen_keys(self.root, attached=self.config, stored=self.stored)

    def unmet(self) -> DzError | None:
        """Return why the project cannot run here unless a person decides something, or None."""
        return needs.unmet(self.inspection, chosen=self._chosen())

    def reasons(self) -> list[str]:
        """Return why a person must be asked; empty if everything is clear and nothing is missing."""
        found = []
        keys = self._chosen()
        if error := self.unmet():
            found.append(f"{error.found} {error.remedy}")
        if self.inspection.ambiguous and (keys == {"copy_data"} or not (self.config or self.stored)):
            found.append("Several project roots or settings modules are equally likely.")
        found += [
            f"{guess.field} {guess.value} ({guess.basis}) did not work when it was tried{_cause(guess)}."
            for guess in self.guesses
            if guess.is_primary and guess.proof == "conflicting"
        ]
        found += [
            f"{one.name} is not set; {one.basis} reads it." for one in self.wanted if one.required and not one.random
        ]
        risks = [risk for risk in self.inspection.risks if not risk.safe]
        decided = _ROWS if "copy_data" in keys else None
        return found + [f"{risk.found} ({risk.basis}). {risk.choice}" for risk in risks if risk.kind != decided]


def _cause(guess: Guess) -> str:
    return f": {guess.happened.rstrip('.')}" if guess.happened else ""


def gather(
    zoomdb: Zoomdb,
    check_job: int,
    project: ProjectView,
    root: Path,
    *,
    url: str,
    config: str | None,
    pythons: Pythons,
) -> Findings:
    """Return what the check of a launch found.

    Raises:
        NotDjango: the repository holds no Django project.
        InvalidConfig: a `zoombuild.cfg` is wrong.
        MissingLibrary: see `needs.unmet`.
    """
    known = stored.of_project(zoomdb, project.id)
    inspection = detection.inspect(root, known)
    if not inspection.is_django:
        raise NotDjango(
            f"{url} holds no Django project that can be deployed: {inspection.reason or 'none was found'}.",
            "Give the URL of a Django project; if it is one, name its settings in a zoombuild.cfg.",
        )
    check, found = jobs.get(zoomdb, check_job), tuple(rows.load(zoomdb, check_job))
    if found and check:
        inspection = proved.applied(inspection, found, ambiguous=check.result.get("ambiguous") is True)
        warnings = check.result.get("proof", {}).get("warnings", [])  # one that was stored before has none
        inspection = replace(inspection, warnings=(*inspection.warnings, *warnings))
    findings = Findings(
        inspection=inspection,
        guesses=found,
        root=root,
        url=url,
        commit=str(check.result.get("commit", "")) if check else "",
        config=config,
        stored=confirmed.newest(zoomdb, project.id),
        pythons=pythons,
        project=project,
    )
    error = findings.unmet()
    if error and error.actor == "operator":
        raise error  # no answer to a form could help
    plan = findings.plan()
    more = missing.of(inspection, {*known, *dict(plan.build_variables)}, plan.required_variables)
    return Findings(**{**vars(findings), "wanted": more})


def project_of(zoomdb: Zoomdb, *, name: str | None, url: str, ref: str | None) -> ProjectView:
    """Return the project of a launch, creating it if it is new; a name that belongs to another source is not used."""
    taken = name and any(one.name == name and one.source_url != url for one in projects.listed(zoomdb))
    valid = name and names.PROJECT_NAME.fullmatch(name)
    return projects.ensure(zoomdb, name=name if valid and not taken else None, url=url, ref=ref)


def choose_project(zoomdb: Zoomdb, job_id: int, *, name: str | None, url: str, ref: str | None) -> None:
    """Note which project a launch is about, made if it is new; one that is noted already stays."""
    view = jobs.get(zoomdb, job_id)
    if view and not view.project:
        jobs.set_project(zoomdb, job_id, project_of(zoomdb, name=name, url=url, ref=ref).id)
