"""publish_host: a host name for a project, or for one version of it."""

from prefect import flow

from dz.zoomdb.states import JobKind
from flows.boot_release import boot_release
from flows.host_update import host_update
from flows.proxy_update import proxy_update
from tasks.appservers import appservers_of
from tasks.endings import tells_its_end
from tasks.jobs import only_deploy_of, running_job
from tasks.parameters import HostRequest, OwnJob
from tasks.projects import known_project
from tasks.proxies import alive_proxies, claim_host, refuse_platform_host
from tasks.releases import shown_release
from tasks.subflows import on_servers


@tells_its_end
@flow(name="publish-host", flow_run_name="show {request.project} at {request.host}", persist_result=False)
def publish_host(request: HostRequest, job: OwnJob = None) -> None:
    """Give a project a further host name; with a version, the name always shows that version."""
    with running_job(JobKind.PUBLISH, request, job) as job_id:
        project = known_project(job_id, request.project)
        with only_deploy_of(job_id, project):
            release = shown_release(job_id, project, request.version)
            boot_release(job_id, release)
            refuse_platform_host(job_id, project, request)
            claim_host(job_id, project, request)
            # A site answers to no other names than its project's; the versions that run take up the new one.
            on_servers(host_update, "appserver", appservers_of(project), job=job_id)
            on_servers(proxy_update, "proxy", alive_proxies(), project=project, job=job_id)
