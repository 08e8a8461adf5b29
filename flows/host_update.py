"""host_update: the host names that the app instances of one appserver answer to."""

from prefect import flow

from tasks.appservers import take_hosts
from tasks.endings import tells_its_end
from tasks.jobs import child_of


@tells_its_end
@flow(name="host-update", persist_result=False)
def host_update(server: str, job: int) -> None:
    """Have the app instances of an appserver answer to the host names that their projects have now."""
    with child_of(job, "appserver", server):
        take_hosts(job, server=server)
