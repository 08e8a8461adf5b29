"""undeploy: takes an app instance down."""

from prefect import flow

from tasks.appservers import stop_instance
from tasks.endings import tells_its_end
from tasks.jobs import child_of


@tells_its_end
@flow(name="undeploy", persist_result=False)
def undeploy(deployment: int, server: str, job: int) -> None:
    """Stop an app instance that no host name shows any more, and free its port."""
    with child_of(job, "appserver", server, outlives_job=True):
        stop_instance(job, deployment, server=server)
