"""Marks flow runs as crashed if their process died without reporting it."""

from datetime import timedelta

from prefect.automations import Automation
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import EventTrigger, Posture

NAME = "djangozoom: crash silent flow runs"
SILENT_SECONDS = 90
"""Three heartbeats of 30 s (work_pools/base_job_template.json); fewer would crash runs that are only slow."""
_SIGNS = ("heartbeat", "Completed", "Failed", "Cancelled", "Crashed", "Cancelling", "Paused", "Suspended")


def ensure_watch() -> list[str]:
    """Create the automation if it is missing, and say so."""
    try:
        # Outside an event loop Prefect's sync-compatible methods run at once; their types do not say so.
        Automation.read(name=NAME)  # type: ignore[unused-coroutine]
    except ValueError:
        _automation().create()
        return [f"automation {NAME!r} created"]
    return []


def _automation() -> Automation:
    trigger = EventTrigger(
        after={"prefect.flow-run.heartbeat"},
        expect={f"prefect.flow-run.{sign}" for sign in _SIGNS},
        match={"prefect.resource.id": ["prefect.flow-run.*"]},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=SILENT_SECONDS),
    )
    crash = ChangeFlowRunState(
        name=None, force=False, state=StateType.CRASHED, message="No heartbeat: the process or its server died."
    )
    return Automation(name=NAME, trigger=trigger, actions=[crash])
