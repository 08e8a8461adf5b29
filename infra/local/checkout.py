"""Fingerprints of this checkout: what has changed since something was started or rolled out."""

import hashlib

from dz.settings import PROJECT_ROOT

_CODE = ("dz/**/*.py", "flows/**/*.py", "tasks/**/*.py", "blocks/**/*.py", "deployments/**/*.py")
_ROLLOUT = ("prefect.yaml", "work_pools/*.json", "dz/zoomdb/migrations/versions/*.py")


def code() -> str:
    """Return a digest of the code that workers run."""
    return _digest(_CODE)


def rollout() -> str:
    """Return a digest of what is registered in Prefect and zoomdb besides the code."""
    return _digest(_ROLLOUT)


def _digest(patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(PROJECT_ROOT.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
