"""Tasks about source code."""

import dataclasses
from pathlib import Path

from dz import wiring
from dz.settings import settings
from dz.tasklib import projects
from dz.tasklib.checkouts import checkouts, local_sources
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.jobs import jobs, log
from tasks import artifacts
from tasks.parameters import DeployRequest, Source
from tasks.roles import on_role


@on_role("build")
def check_out_source(job: int, source: Source) -> Checkout:
    """Check out a repository that need not belong to a project."""
    artifacts.progress_begins(job, source.project)
    checkout = _check_out(job, source.url, source.ref, checkouts.folder_of(source.url))
    jobs.set_result(wiring.zoomdb(), job, commit=checkout.commit)
    return checkout


def checkout_of_check(job: int, source: Source, commit: str | None) -> Path:
    """Return the checkout that a check has looked at; a build server that does not have it checks it out again."""
    folder = checkouts.folder_of(source.url)
    there = wiring.server_dir("build") / "checkouts" / folder / str(commit)
    return there if there.is_dir() else _check_out(job, source.url, commit or source.ref, folder).path


def newest_commit(job: int, source: Source) -> str:
    """Return the newest commit of a repository, which is checked out then."""
    return _check_out(job, source.url, source.ref, checkouts.folder_of(source.url)).commit


@on_role("build")
def check_out_code(job: int, project: int, request: DeployRequest) -> Checkout:
    """Check out the code of a project, from where the request says or from where it came before."""
    known = projects.get(wiring.zoomdb(), project)
    ref = request.ref or known.ref
    checkout = _check_out(job, request.url or known.source_url, request.commit or ref, known.sysid)
    return dataclasses.replace(checkout, ref=ref)


def _check_out(job: int, url: str, ref: str | None, sysid: str) -> Checkout:
    here = settings()
    folder: Path = wiring.server_dir("build") / "checkouts"
    # A folder of this machine is deployed as it is now, whoever asks for that.
    local = local_sources.refresh(url, here.state_dir / "git")
    limits = {"max_mb": here.max_repo_mb, "max_files": here.max_repo_files}
    checkout = checkouts.check_out(url, ref, sysid=sysid, folder=folder, git=wiring.git(), **limits)
    log.note(
        wiring.zoomdb(),
        job,
        [*(local.warnings if local else ()), *checkout.warnings],
        info=f"commit {checkout.commit[:12]} {checkout.message}",
    )
    return checkout
