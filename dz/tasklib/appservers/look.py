"""Looks at the app instances of a project on this appserver, through their own sockets."""

from dz.adapters.supervisor import Supervisor
from dz.tasklib.appservers import answers, health
from dz.tasklib.appservers.instance import AppInstance

SECONDS = 5.0
"""How long an app instance may take to answer."""


def wrong(instance: AppInstance, *, supervisor: Supervisor) -> str:
    """Return what is wrong with an app instance; empty if it runs and answers with a status below 500."""
    where = f"{instance.address}:{instance.port}"
    if not health.is_alive(instance, supervisor):
        return f"its app instance at {where} does not run ({supervisor.state(instance.program) or 'gone'})"
    path = instance.manifest.plan.health_path
    status, _ = answers.ask(instance, path, timeout=SECONDS)
    if status is None:
        return f"its app instance at {where} does not answer"
    return f"its app instance at {where} answers {status} to GET {path}" if status >= 500 else ""
