"""Registers everything in Prefect: pools, queues, blocks, Prefect deployments, automation.

`python -m deployments.rollout` is safe to repeat and says what changed.
"""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.variables import Variable

from blocks.registration import ensure_blocks
from deployments.pools import ensure_pools
from deployments.watch import ensure_watch
from dz.errors import CommandFailed
from dz.settings import PROJECT_ROOT

FINGERPRINT = "djangozoom_rollout"
"""A Prefect variable that holds the fingerprint of what was rolled out last."""
_SOURCES = ("prefect.yaml", "flows/*.py", "tasks/parameters.py")
_FIELDS = ("entrypoint", "work_queue_name", "tags", "description", "parameter_openapi_schema", "pull_steps")


def roll_out() -> list[str]:
    """Bring Prefect to the state that this checkout describes, and return what changed."""
    with get_client(sync_client=True) as client:
        changes = ensure_pools(client)
        changes += ensure_blocks()
        changes += ensure_watch()
        before = _registered(client)
        if changes or Variable.get(FINGERPRINT, default="") != _fingerprint() or not before:
            _deploy_all()
            changes += _differences(before, _registered(client))
            Variable.set(FINGERPRINT, _fingerprint(), overwrite=True)
    return changes


def _deploy_all() -> None:
    """Run `prefect deploy --all`, the ordinary way, on prefect.yaml."""
    argv = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    done = subprocess.run(argv, cwd=PROJECT_ROOT, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CommandFailed(
            f"`prefect deploy --all` ended with {done.returncode}: {done.stdout[-800:]}{done.stderr[-800:]}",
            "Correct prefect.yaml or the flow it names, then run `python -m deployments.rollout` again.",
        )


def _registered(client: SyncPrefectClient) -> dict[str, str]:
    """Return a digest of each Prefect deployment of ours, by name."""
    found = {}
    for deployment in client.read_deployments():
        values: dict[str, Any] = {field: getattr(deployment, field, None) for field in _FIELDS}
        if "djangozoom" in (deployment.tags or []):
            found[deployment.name] = json.dumps(values, sort_keys=True, default=str)
    return found


def _differences(before: dict[str, str], after: dict[str, str]) -> Iterable[str]:
    for name, digest in sorted(after.items()):
        if name not in before:
            yield f"Prefect deployment {name} created"
        elif before[name] != digest:
            yield f"Prefect deployment {name} updated"


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(PROJECT_ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Roll out and print what changed, a line each."""
    for change in roll_out() or ["nothing changed"]:
        print(change)  # noqa: T201  the result of this command


if __name__ == "__main__":
    main()
