"""Installs a bundle on an appserver: extracts its layers once and links the server's Python into its virtualenv."""

import os
import uuid
from collections.abc import Sequence
from pathlib import Path

from dz.adapters import files
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore
from dz.adapters.interpreters import Interpreter
from dz.errors import NoMatchingPython
from dz.tasklib.appservers.instance import AppInstance, virtualenv_path
from dz.tasklib.bundles import layers

MAX_BYTES = 8 * 1024**3
MAX_MEMBERS = 500_000


def install(instance: AppInstance, *, store: BundleStore, interpreters: Sequence[Interpreter]) -> None:
    """Download and extract the layers of a bundle that are not there yet; if this process is root, root owns them.

    Raises:
        NoMatchingPython: this server lacks the bundle's Python.
        BundleMissing, ChecksumMismatch, BundleRefused: a layer is gone or not what was uploaded.
    """
    manifest = instance.manifest
    fitting = [found for found in interpreters if found.minor == manifest.python]
    if not fitting:
        raise NoMatchingPython(
            f"This appserver has no Python {manifest.python}, with which the version was built.",
            "Ask the operator to install it here, or to set DZ_INTERPRETERS.",
        )
    code, static = manifest.required("code"), manifest.layer("static")
    ensure_virtualenv(manifest.required("environment"), folder=instance.folder, store=store)
    link_interpreter(instance.virtualenv, fitting[0])
    _ensure(code, instance.bundle, store)
    if static and instance.static:
        _ensure(static, instance.static, store)
        link_static_root(instance)


def ensure_virtualenv(layer: Layer, *, folder: Path, store: BundleStore) -> None:
    """Download and extract a virtualenv unless it is there; see `install`.

    Args:
        folder: the appserver's.
    """
    _ensure(layer, virtualenv_path(folder, layer.sha256), store)


def link_static_root(instance: AppInstance) -> None:
    """Put a link to the collected files where the project's own STATIC_ROOT is, unless the code has something there.

    Code that was told the project's value, and not Django's setting, finds the files, too.
    """
    own = instance.manifest.static_root
    source = instance.bundle / "src"
    link = source / own
    if not own or not instance.static_root or link.is_symlink() or link.exists():
        return
    if link.parent.resolve() == source.resolve() / Path(own).parent and link.parent.is_dir():
        part = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
        part.symlink_to(instance.static_root)
        part.replace(link)


def link_interpreter(virtualenv: Path, python: Interpreter) -> None:
    """Make an extracted virtualenv use this server's interpreter."""
    (virtualenv / "bin").mkdir(exist_ok=True)
    text = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.full}\n"
    files.write(virtualenv / "pyvenv.cfg", text, mode=0o644)
    for name in ("python", "python3", f"python{python.minor}"):
        link = virtualenv / "bin" / name
        if link.is_symlink() and link.readlink() == python.path:
            continue
        part = link.with_name(f".{name}.{uuid.uuid4().hex}")
        part.symlink_to(python.path)
        part.replace(link)


def _ensure(layer: Layer, target: Path, store: BundleStore) -> None:
    owner = (0, 0) if os.geteuid() == 0 else None
    layers.ensure(layer, target, store=store, owner=owner, max_bytes=MAX_BYTES, max_members=MAX_MEMBERS)
