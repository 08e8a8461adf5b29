"""Tasks about source code."""

import hashlib
from pathlib import Path

from dz import wiring
from dz.settings import settings
from dz.tasklib import checkouts, jobs, projects
from dz.tasklib.checkouts import Checkout
from tasks.parameters import DeployRequest, Source
from tasks.roles import on_role


@on_role("build")
def check_out_source(job: int, source: Source) -> Checkout:
    """Check out a repository that need not belong to a project."""
    folder = "c" + hashlib.sha256(source.url.encode()).hexdigest()[:16]
    return _check_out(job, source.url, source.ref, folder)


@on_role("build")
def check_out_code(job: int, project: int, request: DeployRequest) -> Checkout:
    """Check out the code of a project, from where the request says or from where it came before."""
    known = projects.get(wiring.zoomdb(), project)
    return _check_out(job, request.url or known.source_url, request.ref or known.ref, known.sysid)


def _check_out(job: int, url: str, ref: str | None, sysid: str) -> Checkout:
    here = settings()
    folder: Path = wiring.server_dir("build") / "checkouts"
    limits = {"max_mb": here.max_repo_mb, "max_files": here.max_repo_files}
    checkout = checkouts.check_out(url, ref, sysid=sysid, folder=folder, git=wiring.git(), **limits)
    jobs.note(wiring.zoomdb(), job, checkout.warnings, info=f"commit {checkout.commit[:12]} {checkout.message}")
    return checkout
