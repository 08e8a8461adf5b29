"""proxy_update: what one proxy shows of one project."""

from prefect import flow
from prefect.client.schemas.objects import State

from tasks.endings import tells_its_end
from tasks.jobs import child_of
from tasks.parameters import ReleaseId
from tasks.proxies import update_vhosts
from tasks.standby import not_needed, told_release


@tells_its_end
@flow(name="proxy-update", persist_result=False)
def proxy_update(
    project: int, server: str, job: int, release: ReleaseId = None, *, standby: bool = False
) -> State[None] | None:
    """Make a proxy show a release of a project (None: the current one) and prove that it does.

    Args:
        standby: start before there is a release and wait to be told which; end at once if the run is not needed.
    """
    with child_of(job, "proxy", server, outlives_job=standby):
        if standby and (release := told_release()) is None:
            return not_needed()
        update_vhosts(job, project, release, server=server)
    return None
