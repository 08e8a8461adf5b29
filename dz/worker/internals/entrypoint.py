"""Tells a run where its flow lies, so that it need not ask Prefect's server.

Without it, a run reads its Prefect deployment to find its flow. This saves 45 ms of each run (90 ms of processor time,
half of it of Prefect's server) on two cores. A code-only deploy has three runs, two of which begin beside
other work.
"""

from pathlib import Path
from typing import Any

from dz.worker.internals.names import Name

VARIABLE = "PREFECT__FLOW_ENTRYPOINT"
NAMES = (Name("prefect.flow_engine:load_flow", mentions=(VARIABLE,)),)


def of(deployment: Any, folder: Path | None) -> str | None:
    """Return the entrypoint of a Prefect deployment if its flow lies in the folder that the run works in."""
    fetched = deployment is None or deployment.pull_steps or deployment.storage_document_id
    if not folder or fetched or (folder / (deployment.path or ".")).resolve() != folder.resolve():
        return None
    return str(deployment.entrypoint)
