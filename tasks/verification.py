"""The task that proves that a built project loads."""

import functools

from dz import wiring
from dz.settings import settings
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.jobs import log
from dz.tasklib.proxies import hosts
from dz.tasklib.releases import releases
from dz.tasklib.variables import stored
from dz.tasklib.variables.redaction import redacted
from dz.tasklib.verification import verification
from dz.tasklib.verification.verification import Verification
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tasks.roles import on_role


@on_role("build")
def verify(
    job: int, project: int, plan: Plan, checkout: Checkout, virtualenv: Virtualenv
) -> tuple[Virtualenv, Verification]:
    """Load the settings, run Django's checks, load the application and collect static files, in one process.

    Where the newest versions of the dependencies are what fails, those of the commit's date are installed.
    """
    variables = stored.of_project(wiring.zoomdb(), project)
    with redacted(variables.values()):
        load = functools.partial(
            verification.verify,
            plan,
            checkout,
            work=wiring.work_dir(checkout.sysid),
            sandbox=wiring.sandbox(checkout.sysid, "build"),
            variables=variables,
            timeout=settings().build_timeout,
            hosts=hosts.of_project(wiring.zoomdb(), project, domain=settings().platform_domain),
            tls=bool(settings().trusted_proxies),
        )
        loads, verified = wiring.installation(project, plan, checkout).loaded(virtualenv, load)
    warnings = [*(one for one in loads.warnings if one not in virtualenv.warnings), *verified.warnings]
    if verified.data and not releases.was_published(wiring.zoomdb(), project):
        warnings.append(verified.data.offer(said_yes=plan.copy_data))
    log.note(wiring.zoomdb(), job, warnings, info=f"Django {verified.django_version} loads")
    return loads, verified
