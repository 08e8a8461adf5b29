"""`dz jobs`, `dz job N` and `dz cancel N`: what was asked for, its progress, and its end."""

from typing import Annotated, Any

import typer

from dz import wiring
from dz.cli import output, runs
from dz.cli.options import AsJson
from dz.errors import StackProblem, from_record
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.zoomdb.states import JobState, LogType

_SHOWN = {LogType.STEP_BEGIN: "begun", LogType.STEP_END: "done", LogType.JOB_BEGIN: "job", LogType.JOB_END: "job"}


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("jobs")(list_jobs)
    app.command("job")(show_job)
    app.command("cancel")(cancel_job)


def list_jobs(
    project: Annotated[str | None, typer.Option(help="Only jobs of this project.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest jobs."""
    found = jobs.newest(wiring.zoomdb(), project=project, limit=limit)
    if as_json:
        output.print_json({"jobs": [as_object(job) for job in found]})
        return
    rows = [
        (job.id, job.kind, job.project, job.state, output.local_time(job.created), _took(job), job.requested_by)
        for job in found
    ]
    output.print_table(("job", "kind", "project", "state", "asked for", "took", "by"), rows)


def show_job(
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="The job's number.")],
    follow: Annotated[bool, typer.Option("--follow", help="Show it until it is over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one job and its log; with --follow, exit code 1 if it fails."""
    zoomdb = wiring.zoomdb()
    job = jobs.get(zoomdb, number)
    if job is None:
        raise StackProblem(f"There is no job {number}.", "`dz jobs` lists the newest jobs.")
    if follow:
        job = runs.follow(zoomdb, number)
    lines = log.lines(zoomdb, number)
    if as_json:
        output.print_json(
            {
                **as_object(job),
                "steps": log.step_seconds(lines),
                "warnings": log.warnings(lines),
                "log": [vars(line) for line in lines],
            }
        )
    else:
        if not follow:
            rows = [(output.local_time(x.time), _SHOWN.get(LogType(x.type), x.type), x.step, x.message) for x in lines]
            output.print_table(("time", "", "step", "message"), rows)
        _print_summary(job)
    if follow and job.failure:
        raise typer.Exit(1)


def cancel_job(
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="The job's number.")], as_json: AsJson = False
) -> None:
    """Cancel a job: what users saw before, they still see, and nothing of the job stays."""
    zoomdb = wiring.zoomdb()
    if jobs.get(zoomdb, number) is None:
        raise StackProblem(f"There is no job {number}.", "`dz jobs` lists the newest jobs.")
    runs.cancel(zoomdb, number)
    if as_json:
        output.print_json({"job": number, "state": JobState.CANCELLED})
    else:
        output.note(f"Job {number} is cancelled; what users saw before, they still see.")


def as_object(job: JobView) -> dict[str, Any]:
    """Return a job for `--json`; its failure has the form of every error of `dz`."""
    failure = None
    if job.failure:
        failure = {**vars(job.failure), "actor": from_record(job.failure).actor}
    return {**vars(job), "failure": failure}


def _print_summary(job: JobView) -> None:
    project = f" of {job.project}" if job.project else ""
    output.note(f"job {job.id}: {job.kind}{project}, {job.state} {_took(job)}".rstrip())
    if job.failure:
        output.report(from_record(job.failure), as_json=False)
    elif url := job.result.get("url"):
        output.note(f"  {url}")


def _took(job: JobView) -> str:
    return f"{(job.ended - job.started).total_seconds():.1f} s" if job.ended and job.started else ""
