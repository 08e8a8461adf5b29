"""The task that reads what a repository is."""

from dz.tasklib import detection
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.detection import Inspection
from tasks.roles import on_role


@on_role("build")
def inspect_code(job: int, checkout: Checkout) -> Inspection:
    """Read what kind of project this is; nothing of it is imported."""
    return detection.inspect(checkout.path)
