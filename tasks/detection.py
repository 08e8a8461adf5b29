"""The task that reads what a repository is."""

from dz import wiring
from dz.tasklib import detection
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import needs, resolution
from dz.tasklib.detection import Inspection
from dz.tasklib.jobs import jobs, log
from tasks.roles import on_role


@on_role("build")
def inspect_code(job: int, checkout: Checkout) -> Inspection:
    """Read what kind of project this is; nothing of it is imported."""
    found = detection.inspect(checkout.path)
    keys = resolution.chosen_keys(checkout.path, attached=None, stored=None)
    error = needs.unmet(found, chosen=keys)
    jobs.set_result(wiring.zoomdb(), job, unmet=vars(error.record()) if error else None)
    log.note(wiring.zoomdb(), job, [f"{error.found} {error.remedy}"] if error else [])
    return found
