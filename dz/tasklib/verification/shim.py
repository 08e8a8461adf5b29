"""Writes the settings shim: the files that every bundle carries in `dz/`."""

import functools
import hashlib
import json
from pathlib import Path

from dz.adapters import files
from dz.settings import PROJECT_ROOT
from dz.tasklib.configuration.plan import Plan

_TEMPLATES = PROJECT_ROOT / "dz" / "shim"
_FILES = (
    "dz_settings.py",
    "dz_run.py",
    "dz_application.py",
    "dz_log.py",
    "dz_paths.py",
    "dz_front.py",
    "dz_data.py",
    "dz_wsgi.py",
    "dz_asgi.py",
    "dz_worker.py",
    "dz_answers.py",
    "dz_media.py",
    "dz_ranges.py",
    "dz_verify.py",
    "dz_report.py",
    "dz_static.py",
    "dz_watch.py",
    "dz_request.py",
    "dz_hooks.py",
    "dz_migrations.py",
    "dz_history.py",
    "dz_locks.py",
    "dz_catalogs.py",
    "dz_templates.py",
)


@functools.cache
def digest() -> str:
    """Return a digest of what this version of DjangoZoom puts into every bundle."""
    digest = hashlib.sha256()
    for name in _FILES:
        digest.update((_TEMPLATES / name).read_bytes())
    return digest.hexdigest()


def write(plan: Plan, target: Path) -> None:
    """Write the platform's files for one plan into the folder `target`; idempotent."""
    target.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        write_file(target / name, (_TEMPLATES / name).read_bytes())
    write_file(target / "plan.json", json.dumps(plan.to_json(), indent=1, sort_keys=True).encode())
    (target / "static").mkdir(exist_ok=True)


def write_file(path: Path, content: bytes) -> None:
    """Write a file of a bundle: it appears whole, and every user can read it."""
    files.write(path, content, mode=0o644, sync=False)  # what lasts is the layer that it is packed into
