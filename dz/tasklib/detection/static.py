"""Where static and uploaded files are kept, and whether WhiteNoise serves them."""

import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.roots import Root


def folder(value: Any, root: Root) -> str | None:
    """Return a folder that a setting names, relative to the project's root."""
    if not isinstance(value, str | PurePosixPath) or not str(value):
        return None
    text = re.sub(r"/[^/]+/\.\.", "", str(value))
    start = f"/{root.folder}/" if root.folder else "/"
    return text.removeprefix(start).strip("/") or "."


def whitenoise(settings: dict[str, Any]) -> bool:
    """Say whether WhiteNoise serves static files."""
    return "whitenoise" in repr(settings.get("MIDDLEWARE")) + repr(settings.get("MIDDLEWARE_CLASSES"))
