"""Tasks about projects."""

from dz import wiring
from dz.tasklib import projects
from dz.tasklib.configuration import confirmed
from dz.tasklib.jobs import jobs
from dz.tasklib.proxies import hosts
from tasks.parameters import DeployRequest
from tasks.roles import on_role


@on_role("build")
def identify_project(job: int, request: DeployRequest) -> int:
    """Find the project that a request means, or create it, and return its id."""
    if request.url:
        wiring.git().source(request.url)  # refused before anything is stored
    project = projects.ensure(wiring.zoomdb(), name=request.project, url=request.url, ref=request.ref)
    jobs.set_project(wiring.zoomdb(), job, project.id)
    hosts.refuse_taken(wiring.zoomdb(), project.id, wiring.platform_host(project.id))
    return project.id


@on_role("build")
def remember_config(job: int, project: int, config: str) -> None:
    """Keep an attached configuration that was proved to build, for later deploys."""
    confirmed.store(wiring.zoomdb(), project, config)


@on_role("build")
def known_project(job: int, name: str) -> int:
    """Find a project by name and return its id."""
    project = projects.find(wiring.zoomdb(), name)
    jobs.set_project(wiring.zoomdb(), job, project.id)
    return project.id
