"""Tasks about projects."""

from dz import wiring
from dz.tasklib import projects
from dz.tasklib.jobs import jobs
from tasks import artifacts
from tasks.parameters import DeployRequest
from tasks.roles import on_role, precondition


@precondition
def refuse_forbidden_source(job: int, request: DeployRequest) -> None:
    """Refuse a URL that may not be fetched, before anything is stored."""
    if request.url:
        wiring.git().source(request.url)


@on_role("build")
def identify_project(job: int, request: DeployRequest) -> int:
    """Find the project that a request means, or create it, as the one that the job is about; return its id."""
    project = projects.ensure(wiring.zoomdb(), name=request.project, url=request.url, ref=request.ref)
    jobs.set_project(wiring.zoomdb(), job, project.id)
    artifacts.progress_begins(job, project.name)
    return project.id


@on_role("build")
def known_project(job: int, name: str) -> int:
    """Find a project by name, as the one that the job is about; return its id."""
    project = projects.find(wiring.zoomdb(), name)
    jobs.set_project(wiring.zoomdb(), job, project.id)
    artifacts.progress_begins(job, project.name)
    return project.id
