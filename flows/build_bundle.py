"""build_bundle: from the source of a project to a bundle on the build server.

A stage of build_and_deploy, whose run shows its tasks: a run of its own would make every deploy 0.2 s longer.
"""

from flows.deploy import deploy
from tasks.bundles import archive_bundle, known_bundle, ship_environment
from tasks.checkouts import check_out_code
from tasks.configuration import plan_build, refuse_missing_variables, remember_config
from tasks.parameters import DeployRequest
from tasks.placement import likely_appservers
from tasks.policy import settle
from tasks.standby import stand_by
from tasks.verification import verify
from tasks.virtualenvs import choose_interpreter, create_virtualenv


def build_bundle(project: int, request: DeployRequest, job: int) -> int:
    """Build a project, prove that it loads, and archive it; returns the bundle's id in zoomdb."""
    checkout = check_out_code(job, project, request)
    plan = plan_build(job, project, checkout, request.config)
    interpreter = choose_interpreter(job, plan)
    refuse_missing_variables(job, project, plan)
    virtualenv = create_virtualenv(job, project, plan, checkout, interpreter)  # installs the dependencies, too
    if known := known_bundle(project, plan, checkout, virtualenv, rebuild=request.rebuild):
        return known

    # While the project proves that it loads, upload the largest layer and start the runs that will need it.
    shipping = ship_environment.submit(job, virtualenv)
    stand_by(deploy, "appserver", likely_appservers(plan.instances), job=job)
    virtualenv, verification = verify(job, project, plan, checkout, virtualenv)
    settle(shipping)
    if request.config:
        remember_config(job, project, request.config)
    return archive_bundle(job, project, plan, checkout, virtualenv, verification)
