"""Tasks about how a project is built and run."""

from dz import wiring
from dz.tasklib import detection
from dz.tasklib.bundles import build
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import confirmed
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.jobs import log
from dz.tasklib.variables import stored
from tasks.roles import on_role, precondition


@on_role("build")
def plan_build(job: int, project: int, checkout: Checkout, config: str | None) -> Plan:
    """Decide how to build: attached configuration, stored one, the repository's own, detection."""
    zoomdb = wiring.zoomdb()
    known, names = confirmed.newest(zoomdb, project), stored.of_project(zoomdb, project)
    found = detection.inspect(checkout.path, names)
    plan = build.plan(found, checkout, attached=config, stored=known, variables=names, bounds=wiring.bounds())
    log.note(zoomdb, job, plan.warnings, info=f"settings {plan.django_settings_module}; {plan.web_process}")
    return plan


@precondition
def refuse_missing_variables(job: int, project: int, plan: Plan) -> None:
    """Refuse a project whose settings need variables that nobody has set, once it is sure that it could be built."""
    build.refuse_missing(plan, stored.of_project(wiring.zoomdb(), project))


@on_role("build")
def remember_config(job: int, project: int, config: str) -> None:
    """Keep an attached configuration that was proved to build, for later deploys."""
    confirmed.store(wiring.zoomdb(), project, config)
