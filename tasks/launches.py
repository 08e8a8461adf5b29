"""Tasks of launches, and the form for which a launch is suspended."""

import contextlib
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
from dz.tasklib.jobs import children, jobs, log
from dz.tasklib.launches import answers, checks, findings, launches, text
from dz.tasklib.launches.findings import Findings
from dz.zoomdb.states import JobKind
from tasks import artifacts
from tasks.checkouts import checkout_of_check, newest_commit
from tasks.forms import LaunchForm, prefilled
from tasks.jobs import pending_or_new
from tasks.parameters import DeployRequest, LaunchRequest
from tasks.policy import without_run
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
    """Run a flow as a launch; a run that was suspended or is repeated continues its earlier job."""
    zoomdb, run = wiring.zoomdb(), str(flow_run.get_id())
    job_id = launches.of_run(zoomdb, run) or pending_or_new(JobKind.LAUNCH, request, job)
    launches.open_launch(zoomdb, job_id, seconds=_seconds(request))
    jobs.to_run(zoomdb, run, job_id)  # a launch that has ended gets a further attempt
    with jobs.running(zoomdb, job_id, run), children.at_work(zoomdb, job_id, run, server=wiring.server_name("build")):
        yield job_id


@on_role("build")
def begin_check(job: int, request: LaunchRequest) -> int | None:
    """Return the job of the check that is still to run; None: it is done, or an earlier one is gone on from."""
    if request.check and launches.get(wiring.zoomdb(), job).check is None:
        _go_on_from(job, request, request.check)
    return launches.check_job(wiring.zoomdb(), job, params=request.source.model_dump(mode="json"))


@without_run
def choose_project(job: int, request: LaunchRequest) -> None:
    """Record which project the launch is about, creating it if it is new."""
    findings.choose_project(wiring.zoomdb(), job, name=request.project, url=request.url, ref=request.ref)


@without_run
def has_form(job: int) -> bool:
    """Say whether a form was filled already, by an earlier run of this launch."""
    return launches.get(wiring.zoomdb(), job).form > 0


@without_run
def is_confirmed(job: int) -> bool:
    """Say whether the configuration is confirmed, by a person or because there was nothing to ask."""
    return launches.get(wiring.zoomdb(), job).confirmed


@on_role("build")
def fill_form(job: int, request: LaunchRequest) -> None:
    """Fill the form with the guesses; straight on where nothing is to be asked and the request allows it."""
    answers.fill(
        wiring.zoomdb(),
        _findings(job, request),
        job,
        name=request.project,
        straight_on=request.straight_on,
        domain=settings().platform_domain,
        seconds=_seconds(request),
    )


@on_role("build")
def prepare_form(job: int, request: LaunchRequest) -> Form:
    """Return the form that waits for an answer."""
    found, launch = _findings(job, request), launches.get(wiring.zoomdb(), job)
    answers.show(wiring.zoomdb(), found, job, form=launch.form)
    description, hints = text.description(found, launch.problems), text.hints(found, launch.problems)
    form = prefilled(launch.answer, description=description, hints=hints, variables=found.wanted)
    return Form(job, launch.form, form)


def answer_of(form: Form, request: LaunchRequest) -> dict[str, Any]:
    """Suspend the flow run until a person has answered, then return the answer; must be called by the flow itself.

    When the run is resumed, the flow starts over, comes here again with the same form number, and gets the answer.
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
        answers.refuse(zoomdb, form.job, lines, seconds=_seconds(request))
    jobs.go_on(zoomdb, form.job)
    return given.model_dump() if given else {}


@on_role("build")
def judge_answer(job: int, request: LaunchRequest, answer: dict[str, Any]) -> None:
    """Confirm an answer, or show the form again with what is wrong with it."""
    domain, seconds = settings().platform_domain, _seconds(request)
    answers.take(wiring.zoomdb(), _findings(job, request), job, answer, domain=domain, seconds=seconds)


@on_role("build")
def begin_deploy(job: int, request: LaunchRequest) -> Deploy | None:
    """Return the deploy of what was confirmed; None: it is done."""
    zoomdb, launch = wiring.zoomdb(), launches.get(wiring.zoomdb(), job)
    deploy = request.confirmed(launch.project, launches.commit(zoomdb, job), launch.answer["config"])
    part = launches.deploy_job(zoomdb, job, params=deploy.model_dump(mode="json"))
    return Deploy(deploy, part) if part else None


@on_role("build")
def report_site(job: int) -> str:
    """Give the launch the result of its deploy, and return where the site is, as a sentence."""
    site = launches.take_result(wiring.zoomdb(), job)
    title = f"{site['project']} v{site['version']}"
    artifacts.name_run(f"launch {title}")
    return f"{title} is live: {site['url']}"


def _findings(job: int, request: LaunchRequest) -> Findings:
    zoomdb, launch = wiring.zoomdb(), launches.get(wiring.zoomdb(), job)
    check, project = launch.check or 0, projects.find(zoomdb, launch.project or "")
    root = checkout_of_check(check, request.source, launches.commit(zoomdb, job))
    return findings.gather(
        zoomdb, check, project, root, url=request.url, config=request.config, pythons=wiring.pythons()
    )


def _go_on_from(job: int, request: LaunchRequest, check: int) -> None:
    """Go on from an earlier check if it is of just this and not old; else say why it is checked again."""
    zoomdb, commit = wiring.zoomdb(), newest_commit(job, request.source)
    if reason := checks.obstacle(zoomdb, check, url=request.url, ref=request.ref, commit=commit):
        again = f"Check {check} cannot be gone on from: {reason}. The repository is checked again."
        log.note(zoomdb, job, [again])
    else:
        launches.go_on_from(zoomdb, job, check)
        log.note(zoomdb, job, (), info=f"This goes on from check {check}; nothing is checked again.")


def _seconds(request: LaunchRequest) -> int:
    return request.answer_within or settings().form_timeout


def _nobody(problems: Sequence[str]) -> ConfirmationMissing:
    return ConfirmationMissing(
        f"What was guessed must be confirmed, and nobody can be asked in this process. {' '.join(problems)}".strip(),
        "Run `dz up` and launch without --local, or name what is unsure in a zoombuild.cfg and give it with --config.",
    )
