"""What a launch knows of a repository: what was read and proved, and what a person's answer makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dz import names
from dz.adapters.interpreters import Interpreter
from dz.errors import DzError, HostTaken, InvalidName, NotDjango
from dz.tasklib import (
    builds,
    detection,
    guesses,
    jobs,
    launch_form,
    launches,
    projects,
    proved_guesses,
    virtual_hosts,
    wanted,
    zoombuild,
)
from dz.tasklib.detection import Guess, Inspection
from dz.tasklib.projects import ProjectView
from dz.tasklib.wanted import Wanted
from dz.tasklib.zoombuild import Plan
from dz.tasklib.zoombuild_keys import Value
from dz.zoomdb import Zoomdb


@dataclass(frozen=True)
class Findings:
    """Everything that the form shows and that an answer is compared with.

    Args:
        root: the checkout that was inspected.
        config: the `zoombuild.cfg` that came with the request.
        stored: the newest one that was verified for the project.
        interpreters: the Pythons that sites can get.
        wanted: the variables that nobody has set yet.
    """

    inspection: Inspection
    guesses: tuple[Guess, ...]
    root: Path
    url: str
    commit: str
    config: str | None
    stored: str | None
    interpreters: tuple[Interpreter, ...]
    project: ProjectView
    wanted: tuple[Wanted, ...] = ()

    def plan(self, form: Mapping[str, Value] | None = None) -> Plan:
        """Return the plan that a build takes; between candidates that are equally likely the first is taken."""
        chosen = {
            "project_root": self.inspection.project_root or ".",
            "django_settings_module": self.inspection.settings_module or "",
        }
        given: dict[str, Value] = {key: value for key, value in chosen.items() if self.inspection.ambiguous and value}
        for text in (self.stored, self.config):
            given |= zoombuild.parse(text).values if text else {}
        return builds.resolve(
            self.inspection,
            self.root,
            source_url=self.url,
            attached=self.config,
            stored=self.stored,
            form=given | dict(form or {}),
        )

    def reasons(self) -> list[str]:
        """Return why a person must be asked; nothing: all is clear and nothing is missing."""
        found = []
        if self.inspection.ambiguous and not (self.config or self.stored):
            found.append("Several project roots or settings modules are equally likely.")
        found += [
            f"{guess.field} {guess.value} ({guess.basis}) did not work when it was tried."
            for guess in self.guesses
            if guess.is_primary and guess.proof == "conflicting"
        ]
        found += [
            f"{one.name} is not set; {one.basis} reads it." for one in self.wanted if one.required and not one.random
        ]
        return found + [f"{risk.found} ({risk.basis})." for risk in self.inspection.risks if not risk.safe]


def gather(
    zoomdb: Zoomdb,
    check_job: int,
    project: ProjectView,
    root: Path,
    *,
    url: str,
    config: str | None,
    interpreters: Sequence[Interpreter],
) -> Findings:
    """Return what the check of a launch found.

    Raises:
        NotDjango: the repository holds no Django project.
        InvalidConfig: a `zoombuild.cfg` is wrong.
    """
    inspection = detection.inspect(root)
    if not inspection.is_django:
        raise NotDjango(
            f"{url} holds no Django project that can be deployed: {inspection.reason or 'none was found'}.",
            "Give the URL of a Django project; if it is one, name its settings in a zoombuild.cfg.",
        )
    check, rows = jobs.show(zoomdb, check_job), tuple(guesses.load(zoomdb, check_job))
    if rows and check:
        inspection = proved_guesses.applied(inspection, rows, ambiguous=check.result.get("ambiguous") is True)
    findings = Findings(
        inspection=inspection,
        guesses=rows,
        root=root,
        url=url,
        commit=str(check.result.get("commit", "")) if check else "",
        config=config,
        stored=projects.stored_config(zoomdb, project.id),
        interpreters=tuple(interpreters),
        project=project,
    )
    plan, known = findings.plan(), projects.variables(zoomdb, project.id)
    more = wanted.of(inspection, {*known, *dict(plan.build_environment)}, plan.required_environment)
    return Findings(**{**vars(findings), "wanted": more})


def project_of(zoomdb: Zoomdb, *, name: str | None, url: str, ref: str | None) -> ProjectView:
    """Return the project of a launch, made if it is new; a name that another source has is left to it."""
    taken = name and any(one.name == name and one.source_url != url for one in projects.listed(zoomdb))
    valid = name and names.PROJECT_NAME.fullmatch(name)
    return projects.ensure(zoomdb, name=name if valid and not taken else None, url=url, ref=ref)


def first_answer(findings: Findings, name: str | None) -> dict[str, Any]:
    """Return what the first form shows."""
    values = launch_form.values_of(findings.plan(), findings.interpreters)
    return {"project": name or findings.project.name, **values}


def judge(zoomdb: Zoomdb, findings: Findings, answer: Mapping[str, Any], *, domain: str) -> tuple[list[str], str]:
    """Return what is wrong with an answer, and the `zoombuild.cfg` that holds it; nothing is changed.

    Args:
        domain: every project has a host name below it.
    """
    typed, problems = launch_form.given(answer)
    config = ""
    try:
        plan, detected = findings.plan(typed), findings.plan()
        problems += launch_form.plan_problems(plan, findings.root, findings.interpreters, detected=detected)
        config = zoombuild.render(plan)
        zoombuild.parse(config, "the form")
    except DzError as error:
        problems.append(launch_form.one_line(error))
    problems += launch_form.variable_problems(answer, findings.wanted)
    name = str(answer.get("project") or findings.project.name)
    try:
        projects.refuse_name(zoomdb, findings.project.id, name)
        virtual_hosts.refuse_taken(zoomdb, findings.project.id, f"{name}.{domain}")
    except (InvalidName, HostTaken) as error:
        problems.append(f"project: {launch_form.one_line(error)}")
    return problems, config


def accept(zoomdb: Zoomdb, findings: Findings, job_id: int, answer: Mapping[str, Any], config: str) -> None:
    """Store an answer that has no problem: name and variables (encrypted) of the project, and the configuration."""
    projects.rename(zoomdb, findings.project.id, str(answer.get("project") or findings.project.name))
    values = wanted.random_values(findings.wanted) | launch_form.variables_of(answer, findings.wanted)
    projects.set_variables(zoomdb, findings.project.id, values)
    launches.confirm(zoomdb, job_id, answer, config)
