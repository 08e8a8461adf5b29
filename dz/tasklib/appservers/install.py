"""Installs a bundle on an appserver: extracts its layers once and links the server's Python into its virtualenv."""

import os
import uuid
from pathlib import Path

from dz.adapters import files
from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore
from dz.adapters.interpreters import Interpreter
from dz.adapters.python_downloads import Pythons
from dz.errors import PythonMissing
from dz.tasklib.appservers.instance import AppInstance, virtualenv_path
from dz.tasklib.bundles import layers
from dz.tasklib.bundles.manifest import Manifest

MAX_BYTES = 8 * 1024**3
MAX_MEMBERS = 500_000


def install(instance: AppInstance, *, store: BundleStore, pythons: Pythons, renew: bool = False) -> None:
    """Bring here what a bundle needs and is not there yet: its Python and its layers; root's, if this process is root.

    Args:
        renew: files that are there may be broken or gone: make them what the layers say.

    Raises:
        PythonMissing: this server lacks the bundle's Python, and cannot fetch it.
        BundleMissing, ChecksumMismatch, BundleRefused: a layer is gone or not what was uploaded.
    """
    manifest = instance.manifest
    python = ensure_python(manifest, pythons)
    code, static = manifest.required("code"), manifest.layer("static")
    if renew:
        _renew(manifest.required("environment"), instance.virtualenv, store)
        _renew(code, instance.bundle, store)
        if static and instance.static:
            _renew(static, instance.static, store)
    ensure_virtualenv(manifest.required("environment"), folder=instance.folder, store=store)
    link_interpreter(instance.virtualenv, python)
    _ensure(code, instance.bundle, store)
    if static and instance.static:
        _ensure(static, instance.static, store)
        link_static_root(instance)


def ensure_python(manifest: Manifest, pythons: Pythons) -> Interpreter:
    """Return the Python of a bundle: the very build that was fetched for it, or else this server's own of that version.

    A server's own Python changes with the updates of its operating system, which must not stop what runs on it: so of
    those any build of the same minor version will do, as its makers promise.
    """
    if manifest.python_source:
        return pythons.fetch(manifest.python_source)
    for python in pythons.own:
        if python.minor == manifest.python:
            return python
    raise PythonMissing(
        f"This appserver has no Python {manifest.python}, with which the version was built.",
        "Install it here, or name it in DZ_INTERPRETERS.",
    )


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


def _renew(layer: Layer, target: Path, store: BundleStore) -> None:
    owner = (0, 0) if os.geteuid() == 0 else None
    layers.renew(layer, target, store=store, owner=owner, max_bytes=MAX_BYTES, max_members=MAX_MEMBERS)
