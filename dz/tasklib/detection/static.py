"""Static and uploaded files, and the build of the front end."""

import json
import re
from pathlib import PurePosixPath
from typing import Any

from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.tree import Tree

_BUILDERS = re.compile(
    r"webpack|vite|rollup|parcel|gulp|grunt|esbuild|tailwind|react-scripts|next|nuxt|@angular|laravel-mix|browserify|sass|less|brunch|svelte|vue-cli|bun"
)
_SCRIPT = re.compile(r"^(build|prod|production|compile|dist|bundle|css|js|assets|release)")


def needs_node_build(tree: Tree) -> tuple[bool, str]:
    """Say whether a deploy lacks assets without Node; a package.json with linters only does not."""
    for path in tree.named("package.json"):
        if path.count("/") > 3 or re.search(r"(^|/)(tests?|docs?|static|staticfiles|vendor|examples?|e2e)/", path):
            continue
        try:
            data = json.loads(tree.text(path) or "")
        except (ValueError, RecursionError):
            continue
        data = data if isinstance(data, dict) else {}
        packages = {**(data.get("dependencies") or {}), **(data.get("devDependencies") or {})}
        scripts = {k: str(v) for k, v in (data.get("scripts") or {}).items()}
        builds = any(_SCRIPT.match(name) for name in scripts) and any(
            _BUILDERS.search(v) for v in [*packages, *scripts.values()]
        )
        if (
            builds
            or (data.get("dependencies") and any(_BUILDERS.search(name) for name in packages))
            or data.get("dependencies")
        ):
            return True, f"{path}:1"
    return False, ""


def folder(value: Any, root: Root) -> str | None:
    """Return a configured folder relative to the project's root."""
    if not isinstance(value, str | PurePosixPath) or not str(value):
        return None
    text = re.sub(r"/[^/]+/\.\.", "", str(value))
    start = f"/{root.folder}/" if root.folder else "/"
    return text.removeprefix(start).strip("/") or "."


def whitenoise(settings: dict[str, Any]) -> bool:
    """Say whether WhiteNoise serves static files."""
    return "whitenoise" in repr(settings.get("MIDDLEWARE")) + repr(settings.get("MIDDLEWARE_CLASSES"))
