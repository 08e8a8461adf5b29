"""What becomes of the answers to a launch's form, the first of which nobody has given yet."""

from collections.abc import Mapping, Sequence
from typing import Any

from dz.errors import DzError, HostTaken, InvalidName
from dz.tasklib import projects
from dz.tasklib.configuration import zoombuild
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs, log
from dz.tasklib.launches import form, launches
from dz.tasklib.launches.findings import Findings
from dz.tasklib.proxies import hosts
from dz.tasklib.variables import missing, stored
from dz.zoomdb import Zoomdb


def fill(
    zoomdb: Zoomdb, found: Findings, job_id: int, *, name: str | None, straight_on: bool, domain: str, seconds: int
) -> None:
    """Fill the first form with the guesses; where nothing is to be asked, they can be the answer.

    Args:
        name: the project's name, if the launch gives one.
        straight_on: take the guesses as the answer where nothing is unsure or missing, and say yes to what is offered.
        domain: every project has a host name below it.
        seconds: how long the form waits for its answer.
    """
    if launches.get(zoomdb, job_id).form:
        return  # an attempt before this one has filled it, and failed afterwards
    found = found.accepting() if straight_on else found
    answer = first_answer(found, name)
    problems, config = judge(zoomdb, found, answer, domain=domain)
    if straight_on and not found.reasons() and not problems:
        accept(zoomdb, found, job_id, answer, config)
    else:
        launches.set_form(zoomdb, job_id, answer, problems, seconds=seconds)


def show(zoomdb: Zoomdb, found: Findings, job_id: int, *, form: int) -> None:
    """Put into the job's result which form waits, and what it asks."""
    wanted = [vars(one) for one in found.wanted]
    jobs.set_result(zoomdb, job_id, form=form, wanted=wanted, reasons=found.reasons(), offers_rows=found.offers_rows)


def take(zoomdb: Zoomdb, found: Findings, job_id: int, answer: Mapping[str, Any], *, domain: str, seconds: int) -> None:
    """Confirm an answer, or show the form again with what is wrong with it.

    Args:
        domain, seconds: see `fill`.
    """
    problems, config = judge(zoomdb, found, answer, domain=domain)
    if problems:
        launches.set_form(zoomdb, job_id, rows.storable(answer), problems, seconds=seconds)
        log.note(zoomdb, job_id, problems)
    else:
        accept(zoomdb, found, job_id, answer, config)


def refuse(zoomdb: Zoomdb, job_id: int, problems: Sequence[str], *, seconds: int) -> None:
    """Show the form again as it was, with what is wrong with an answer that could not be read."""
    launches.set_form(zoomdb, job_id, launches.get(zoomdb, job_id).answer, problems, seconds=seconds)


def first_answer(found: Findings, name: str | None) -> dict[str, Any]:
    """Return what the first form shows."""
    values = form.values_of(found.plan(), found.pythons)
    return {"project": name or found.project.name, **values}


def judge(zoomdb: Zoomdb, found: Findings, answer: Mapping[str, Any], *, domain: str) -> tuple[list[str], str]:
    """Return what is wrong with an answer, and the `zoombuild.cfg` that holds it; change nothing.

    Args:
        domain: every project has a host name below it.
    """
    typed, problems = form.given(answer)
    config = ""
    try:
        plan, detected = found.plan(typed), found.plan()
        problems += form.plan_problems(plan, found.root, found.pythons, detected=detected)
        config = zoombuild.render(plan)
        zoombuild.parse(config, "the form")
    except DzError as error:
        problems.append(form.one_line(error))
    problems += form.variable_problems(answer, found.wanted)
    name = str(answer.get("project") or found.project.name)
    try:
        projects.refuse_name(zoomdb, found.project.id, name)
        hosts.refuse_taken(zoomdb, found.project.id, f"{name}.{domain}")
    except (InvalidName, HostTaken) as error:
        problems.append(f"project: {form.one_line(error)}")
    return problems, config


def accept(zoomdb: Zoomdb, found: Findings, job_id: int, answer: Mapping[str, Any], config: str) -> None:
    """Store an answer without problems: the project's name, its variables (encrypted), and the configuration."""
    projects.rename(zoomdb, found.project.id, str(answer.get("project") or found.project.name))
    values = missing.random_values(found.wanted) | form.variables_of(answer, found.wanted)
    stored.put(zoomdb, found.project.id, values)
    launches.confirm(zoomdb, job_id, answer, config)
