"""build_and_deploy: from a git URL to a live site.

Runs on a build server. Work of another role is a subflow on that role's pool, reached through `on_server`.
"""

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from dz.zoomdb.states import JobKind
from flows.boot_release import boot_release
from flows.build_bundle import build_bundle
from flows.create_database import create_database
from flows.proxy_update import proxy_update
from flows.publish_release import publish_release
from tasks.bundles import bundle_upload
from tasks.databases import database_works
from tasks.endings import tells_its_end
from tasks.jobs import only_deploy_of, running_job
from tasks.parameters import DeployRequest, OwnJob
from tasks.placement import refuse_without_servers
from tasks.policy import settle
from tasks.projects import identify_project, refuse_forbidden_source
from tasks.proxies import alive_proxies, claim_platform_host, refuse_taken_host
from tasks.releases import create_release, report_unchanged, report_url, serving_release
from tasks.standby import stand_by
from tasks.subflows import on_server


@tells_its_end
@flow(name="build-and-deploy", flow_run_name="deploy {request.subject}", persist_result=False)
def build_and_deploy(request: DeployRequest, job: OwnJob = None) -> State[None]:
    """Build a new version of a project and put it live; the old version serves until the new one is proved healthy."""
    with running_job(JobKind.BUILD_AND_DEPLOY, request, job) as job_id:
        refuse_forbidden_source(job_id, request)
        project = identify_project(job_id, request)
        refuse_taken_host(job_id, project)
        with only_deploy_of(job_id, project):
            refuse_without_servers()
            bundle = build_bundle(project, request, job_id)
            if served := serving_release(job_id, project, bundle):
                return Completed(message=report_unchanged(job_id, served))

            # Two branches that share nothing until the site boots.
            branches = [bundle_upload.submit(job_id, bundle)]
            if not database_works(project, bundle):
                branches.append(
                    on_server.submit(create_database, "database", project=project, bundle=bundle, job=job_id)
                )
            settle(*branches)

            claim_platform_host(job_id, project)
            release = create_release(job_id, project, bundle)
            stand_by(proxy_update, "proxy", alive_proxies(), job=job_id, project=project)
            boot_release(job_id, release)
            publish_release(project, release, job_id)
            return Completed(message=report_url(job_id, release))
