"""The task that proves that a built project loads."""

from dz import wiring
from dz.settings import settings
from dz.tasklib import jobs, projects, verification
from dz.tasklib.checkouts import Checkout
from dz.tasklib.environments import Environment
from dz.tasklib.redaction import redacted
from dz.tasklib.verification import Verification
from dz.tasklib.zoombuild import Plan
from tasks.roles import on_role


@on_role("build")
def verify(job: int, project: int, plan: Plan, checkout: Checkout, environment: Environment) -> Verification:
    """Load the settings, run Django's checks, load the application and collect static files, in one process."""
    variables = projects.variables(wiring.zoomdb(), project)
    with redacted(variables.values()):
        verified = verification.verify(
            plan,
            checkout,
            environment,
            work=wiring.work_dir(checkout.sysid),
            sandbox=wiring.sandbox(checkout.sysid, "build"),
            environment_variables=variables,
            timeout=settings().build_timeout,
        )
    jobs.note(wiring.zoomdb(), job, verified.warnings, info=f"Django {verified.django_version} loads")
    return verified
