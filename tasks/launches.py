"""Tasks of launches, and the form for which a launch is suspended."""

import contextlib
import getpass
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefect import suspend_flow_run
from prefect.runtime import flow_run
from pydantic import ValidationError

from dz import wiring
from dz.errors import ConfirmationMissing
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.guesses import rows
from dz.tasklib.jobs import jobs, log
from dz.tasklib.launches import findings, launches, text
from dz.tasklib.launches.findings import Findings
from dz.zoomdb.states import JobKind
from tasks.checkouts import checkout_of_check
from tasks.forms import LaunchForm, prefilled
from tasks.parameters import DeployRequest, LaunchRequest
from tasks.roles import on_role


@dataclass(frozen=True)
class Form:
    """A form that waits for a person."""

    job: int
    number: int
    input: type[LaunchForm]


@dataclass(frozen=True)
class Deploy:
    """A deploy of what was confirmed, and its job."""

    request: DeployRequest
    job: int


@contextlib.contextmanager
def running_launch(request: LaunchRequest, job: int | None) -> Iterator[int]:
    """Run a flow as a launch; a run that was suspended or that is repeated goes on with the job that it had."""
    zoomdb, run = wiring.zoomdb(), str(flow_run.get_id())
    job_id = launches.of_run(zoomdb, run) or jobs.if_pending(zoomdb, job)
    if job_id is None:
        asked_by = f"prefect:{getpass.getuser()}"
        job_id = jobs.open_job(zoomdb, JobKind.LAUNCH, params=request.model_dump(mode="json"), requested_by=asked_by)
    launches.open_launch(zoomdb, job_id, seconds=_seconds(request))
    with jobs.running(zoomdb, job_id, run):
        yield job_id


@on_role("build")
def begin_check(job: int, request: LaunchRequest) -> int | None:
    """Return the job of the check that is still to run; None: it is done."""
    return launches.check_job(wiring.zoomdb(), job, params=request.source.model_dump(mode="json"))


@on_role("build")
def fill_form(job: int, request: LaunchRequest) -> None:
    """Fill the form with the guesses; straight on where nothing is to be asked and the request allows it."""
    zoomdb = wiring.zoomdb()
    if launches.get(zoomdb, job).form:
        return
    known = _findings(job, request)
    answer = findings.first_answer(known, request.project)
    problems, config = findings.judge(zoomdb, known, answer, domain=settings().platform_domain)
    if request.straight_on and not known.reasons() and not problems:
        findings.accept(zoomdb, known, job, answer, config)
    else:
        launches.set_form(zoomdb, job, answer, problems, seconds=_seconds(request))


@on_role("build")
def prepare_form(job: int, request: LaunchRequest) -> Form | None:
    """Return the form that waits for an answer; None: the configuration is confirmed."""
    view = launches.get(wiring.zoomdb(), job)
    if view.confirmed:
        return None
    known = _findings(job, request)
    shown = [vars(one) for one in known.wanted]
    jobs.set_result(wiring.zoomdb(), job, form=view.form, wanted=shown, reasons=known.reasons())
    form = prefilled(
        view.answer,
        description=text.description(known, view.problems),
        hints=text.hints(known, view.problems),
        variables=known.wanted,
    )
    return Form(job, view.form, form)


def answer_of(form: Form, request: LaunchRequest) -> dict[str, Any]:
    """Suspend the flow run until a person has answered, then return the answer; must be called by the flow itself.

    When the run is resumed the flow begins anew, comes here again with the same number, and gets the answer.
    """
    zoomdb = wiring.zoomdb()
    if settings().local_mode:
        raise _nobody(launches.get(zoomdb, form.job).problems)
    jobs.wait(zoomdb, form.job)
    log.note(zoomdb, form.job, (), info=f"Form {form.number} waits for a person's answer.")
    try:
        given = suspend_flow_run(
            wait_for_input=form.input, timeout=_seconds(request) + launches.GRACE, key=f"form-{form.number}"
        )
    except ValidationError as error:
        given = None
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}." for one in error.errors()]
        launches.set_form(zoomdb, form.job, launches.get(zoomdb, form.job).answer, lines, seconds=_seconds(request))
    jobs.go_on(zoomdb, form.job)
    return given.model_dump() if given else {}


@on_role("build")
def judge_answer(job: int, request: LaunchRequest, answer: dict[str, Any]) -> None:
    """Confirm an answer, or show the form again with what is wrong with it."""
    if not answer:
        return
    zoomdb, known = wiring.zoomdb(), _findings(job, request)
    problems, config = findings.judge(zoomdb, known, answer, domain=settings().platform_domain)
    if problems:
        launches.set_form(zoomdb, job, rows.storable(answer), problems, seconds=_seconds(request))
        log.note(zoomdb, job, problems)
    else:
        findings.accept(zoomdb, known, job, answer, config)


@on_role("build")
def begin_deploy(job: int, request: LaunchRequest) -> Deploy | None:
    """Return the deploy of what was confirmed; None: it is done."""
    zoomdb = wiring.zoomdb()
    launch, view = launches.get(zoomdb, job), jobs.get(zoomdb, job)
    deploy = DeployRequest(
        project=view.project if view else None,
        url=request.url,
        ref=request.ref,
        commit=_commit(launch.check),
        config=launch.answer["config"],
    )
    part = launches.deploy_job(zoomdb, job, params=deploy.model_dump(mode="json"))
    return Deploy(deploy, part) if part else None


@on_role("build")
def report_site(job: int) -> None:
    """Give the launch the result of its deploy."""
    zoomdb = wiring.zoomdb()
    launch = launches.get(zoomdb, job)
    deploy = jobs.get(zoomdb, launch.deploy or 0)
    if deploy:
        jobs.set_result(zoomdb, job, **deploy.result)
    jobs.set_result(zoomdb, job, check=launch.check, deploy=launch.deploy)


def _findings(job: int, request: LaunchRequest) -> Findings:
    zoomdb = wiring.zoomdb()
    view, check = jobs.get(zoomdb, job), launches.get(zoomdb, job).check or 0
    root = checkout_of_check(check, request.source, _commit(check))
    if view and view.project:
        project = projects.find(zoomdb, view.project)
    else:
        project = findings.project_of(zoomdb, name=request.project, url=request.url, ref=request.ref)
        jobs.set_project(zoomdb, job, project.id)
    return findings.gather(
        zoomdb, check, project, root, url=request.url, config=request.config, interpreters=wiring.interpreters()
    )


def _commit(check: int | None) -> str | None:
    view = jobs.get(wiring.zoomdb(), check or 0)
    return view.result.get("commit") if view else None


def _seconds(request: LaunchRequest) -> int:
    return request.answer_within or settings().form_timeout


def _nobody(problems: Sequence[str]) -> ConfirmationMissing:
    return ConfirmationMissing(
        f"What was guessed must be confirmed, and nobody can be asked in this process. {' '.join(problems)}".strip(),
        "Run `dz up` and launch without --local, or name what is unsure in a zoombuild.cfg and give it with --config.",
    )
