"""proxy_update: what one proxy shows of one project."""

from prefect import flow

from tasks.jobs import child_of
from tasks.proxies import update_vhosts


@flow(name="proxy-update", flow_run_name="project {project} on {server}", persist_result=False)
def proxy_update(project: int, server: str, job: int, release: int | None = None) -> None:
    """Make a proxy show a release of a project (None: the current one) and prove that it does."""
    with child_of(job, "proxy", server):
        update_vhosts(job, project, release, server=server)
