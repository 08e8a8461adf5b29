"""rollback: back to an earlier version, which is still warm or boots again from its bundle."""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from dz.zoomdb.states import JobKind
from flows.boot_release import boot_release
from flows.publish_release import publish_release
from tasks.endings import tells_its_end
from tasks.jobs import only_deploy_of, running_job
from tasks.parameters import OwnJob, VersionRequest
from tasks.projects import known_project
from tasks.releases import report_url, rollback_target


@tells_its_end
@flow(name="rollback", flow_run_name="roll back {request.subject}", persist_result=False)
def rollback(request: VersionRequest, job: OwnJob = None) -> State[None]:
    """Point the proxies back to an earlier version of a project; the database stays as it is."""
    with running_job(JobKind.ROLLBACK, request, job) as job_id:
        project = known_project(job_id, request.project)
        with only_deploy_of(job_id, project):
            release = rollback_target(job_id, project, request.version, accepted=request.accepted)
            boot_release(job_id, release)
            publish_release(project, release, job_id)
            return Completed(message=report_url(job_id, release))
