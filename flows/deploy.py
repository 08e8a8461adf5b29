"""deploy: one release on one appserver, from the bundle store to a healthy app instance."""

from functools import partial

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.appservers import (
    boot,
    create_project_user,
    fetch_environment,
    freed_on_failure,
    install_bundle,
    wait_until_healthy,
    warm_up,
)
from tasks.endings import tells_its_end
from tasks.hooks import boots_before_hooks, run_release_hooks
from tasks.jobs import child_of
from tasks.parameters import ReleaseId
from tasks.policy import settle
from tasks.standby import not_needed, told_release


@tells_its_end
@flow(name="deploy", persist_result=False)
def deploy(server: str, job: int, release: ReleaseId = None, *, standby: bool = False) -> State[None] | None:
    """Install a release, run its hooks once, boot it and wait until it is healthy; nobody sees it yet.

    Args:
        standby: start before there is a release and wait to be told which; end at once if the run is not needed.
    """
    with child_of(job, "appserver", server, outlives_job=standby):
        release = told_release(partial(fetch_environment, job, server=server)) if standby else release
        if release is None:
            return not_needed()
        with freed_on_failure(release, server):
            create_project_user(job, release, server=server)
            install_bundle(job, release, server=server)
            if boots_before_hooks(release):
                # Either the instance itself serves only after its hooks have run, or there is no migration to wait for.
                boot(job, release, server=server)
                settle(
                    run_release_hooks.submit(job, release, server=server), warm_up.submit(job, release, server=server)
                )
            else:
                run_release_hooks(job, release, server=server)
                boot(job, release, server=server)
            wait_until_healthy(job, release, server=server)
    return None
