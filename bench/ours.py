"""DjangoZoom's side of a comparison: requests to the running stack, and what its jobs say they spent."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from bench.probe import Place
from dz import prefect_environment, wiring
from dz.cli import runs
from dz.errors import ServiceUnavailable
from dz.settings import settings
from dz.tasklib.jobs import jobs, log
from dz.tasklib.jobs.jobs import JobView
from dz.zoomdb.states import JobKind, LogType
from infra.local import stack
from infra.local.stack import Progress, Stack
from tasks.parameters import DeployRequest, Source, VersionRequest

JOB_SECONDS = 900


@dataclass(frozen=True)
class Asked:
    """A request that was accepted: when, and as which job."""

    at: float
    job: int


class Platform:
    """The local stack, asked as the CLI asks it but from a process that has everything imported."""

    def __init__(self, progress: Progress) -> None:
        """Start the stack if it does not run."""
        self.stack: Stack = stack.up(progress=progress)
        settings.cache_clear()
        prefect_environment.prepare()
        self.zoomdb = wiring.zoomdb()

    @property
    def git_folder(self) -> Path:
        """Where repositories lie that the stack's git server offers."""
        return self.stack.git_folder

    def url(self, bare: Path) -> str:
        """Return the URL of a repository in that folder."""
        return f"{self.stack.git_url}/{bare.name}"

    def place(self, project: str) -> Place:
        """Return where nginx shows a project."""
        return Place(settings().proxy_port, f"{project}.{settings().platform_domain}")

    def deploy(self, project: str, url: str | None = None) -> Asked:
        """Ask for a deploy; a new project needs its URL."""
        return self._ask(JobKind.BUILD_AND_DEPLOY, DeployRequest(project=project, url=url, ref=None, config=None))

    def rollback(self, project: str) -> Asked:
        """Ask for a rollback to the version before."""
        return self._ask(JobKind.ROLLBACK, VersionRequest(project=project, version=None))

    def check(self, url: str) -> Asked:
        """Ask for a check of a repository."""
        return self._ask(JobKind.CHECK_REPO, Source(url=url, ref=None))

    def wait(self, asked: Asked) -> JobView:
        """Wait until a job is over and return it; raises what made it fail."""
        deadline = time.monotonic() + JOB_SECONDS
        while time.monotonic() < deadline:
            job = jobs.get(self.zoomdb, asked.job)
            if job and job.finished:
                return runs.succeeded(job)
            time.sleep(0.05)
        raise ServiceUnavailable(f"Job {asked.job} is not over after {JOB_SECONDS} s.", f"See `dz job {asked.job}`.")

    def job_seconds(self, asked: Asked, job: JobView) -> float:
        """Return how long a job took from the request to its end, by the clock of this machine."""
        return job.ended.timestamp() - asked.at if job.ended else 0.0

    def steps(self, asked: Asked) -> dict[str, float]:
        """Return the seconds of each step, and of the time before it in which no step ran.

        That time is named `> STEP`: the way to another role, Prefect's own work, the start of a process.
        """
        seconds: dict[str, float] = {}
        running, free_since = 0, asked.at
        for line in log.lines(self.zoomdb, asked.job):
            at = line.time.timestamp()
            if line.type == LogType.STEP_BEGIN:
                if not running:
                    seconds[f"> {line.step}"] = at - free_since
                running += 1
            elif line.type == LogType.STEP_END:
                running -= 1
                free_since = at
                seconds[line.step] = max(seconds.get(line.step, 0.0), float(line.message))
        return seconds

    def empty_cache(self) -> None:
        """Forget every package that builds of the stack have kept."""
        build = settings().server_dir("build-1")
        for cache in [build / "cache", *build.glob("envs/*/.cache")]:
            shutil.rmtree(cache, ignore_errors=True)

    def _ask(self, kind: JobKind, request: BaseModel) -> Asked:
        at = time.time()
        return Asked(at, runs.start(kind, request))
