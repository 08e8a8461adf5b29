"""build_bundle: from the source of a project to a bundle on the build server."""

from prefect import flow

from tasks.bundles import archive_bundle
from tasks.checkouts import check_out_code
from tasks.detection import plan_build
from tasks.environments import create_virtualenv, install_dependencies
from tasks.parameters import DeployRequest
from tasks.verification import verify


@flow(name="build-bundle", flow_run_name="build for job {job}", persist_result=False)
def build_bundle(project: int, request: DeployRequest, job: int) -> int:
    """Build a project, prove that it loads, and archive it; returns the bundle's id in zoomdb."""
    checkout = check_out_code(job, project, request.ref)
    plan = plan_build(job, project, checkout, request.config)
    virtualenv = create_virtualenv(job, plan, checkout)
    environment = install_dependencies(job, plan, checkout, virtualenv)
    verification = verify(job, project, plan, checkout, environment)
    return archive_bundle(job, project, plan, checkout, environment, verification)
