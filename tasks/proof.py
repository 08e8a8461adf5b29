"""The task that proves guesses by running them."""

from dz import wiring
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.detection import Inspection
from dz.tasklib.guesses import proved
from dz.tasklib.jobs import jobs, log
from dz.tasklib.proof import proof
from tasks.roles import on_role


@on_role("build")
def prove(job: int, checkout: Checkout, inspection: Inspection) -> Inspection:
    """Install the project in a throw-away virtualenv, load it, ask for its first page; return the proved guesses."""
    with wiring.prover(checkout) as prover:
        found = proof.prove(inspection, checkout, prover)
    warnings = found.chosen.warnings if found.chosen else ()
    log.note(wiring.zoomdb(), job, warnings, info=f"{found.outcome}: {found.happened}")
    jobs.set_result(wiring.zoomdb(), job, proof=found.to_json())
    return proved.merged(inspection, found)
