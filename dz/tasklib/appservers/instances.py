"""What a server keeps on disk for bundles and app instances."""

import json
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dz.adapters.archive import Layer
from dz.adapters.bundle_store import BundleStore
from dz.adapters.interpreters import Interpreter
from dz.errors import BundleRefused, NoMatchingPython
from dz.tasklib.bundles import layers as server_layers

MAX_BYTES = 8 * 1024**3
MAX_MEMBERS = 500_000
_GUNICORN = """bind = {bind!r}
workers = {workers}
timeout = 60
graceful_timeout = 15
preload_app = {preload}
accesslog = None
errorlog = "-"
worker_tmp_dir = {tmp!r}
forwarded_allow_ips = {proxies!r}


def when_ready(server):
    import gc, os, sys
    if preload_app and os.environ.get("DZ_URLS_EARLY"):
        try:
            from django.urls import get_resolver
            get_resolver().url_patterns
        except (Exception, SystemExit):
            pass  # the first request says what is wrong
    # What exists now is never looked at again by the collector, so that the workers share its memory.
    if hasattr(gc, "freeze"):
        gc.freeze()
    # A connection that the project opened while it was loaded must not be shared by the workers.
    database = sys.modules.get("django.db")
    for connection in database.connections.all() if database else ():
        connection.close()
    if preload_app:
        try:
            import dz_hooks
        except ImportError:
            return  # a bundle of an earlier release of DjangoZoom, which nothing holds
        dz_hooks.wait_for({hold!r})


def post_fork(server, worker):
    # A worker whose master was killed would keep the port for up to half of `timeout`, and no new master could listen.
    import ctypes, os, signal
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    if os.getppid() != worker.ppid:
        os._exit(1)
"""


@dataclass(frozen=True)
class Installed:
    """A bundle's two folders on an appserver."""

    env_path: Path
    bundle_path: Path

    def command(self, env_file: Path, *words: str) -> list[str]:
        """Return the command line of the launcher for `gunicorn CONFIG` or `manage ARGS...`."""
        return [
            str(self.env_path / "bin" / "python"),
            str(self.bundle_path / "dz" / "dz_run.py"),
            str(env_file),
            *words,
        ]


@dataclass(frozen=True)
class Instance:
    """The files of one app instance."""

    folder: Path
    env_file: Path
    gunicorn_file: Path
    hold: Path
    """A folder that is there while the instance must not serve yet; see `adapters/loaded_project.py`."""
    home: Path
    media: Path


def install(
    manifest: Mapping[str, Any], *, folder: Path, store: BundleStore, interpreters: Sequence[Interpreter]
) -> Installed:
    """Download and extract a bundle's layers; what is there already is left alone. As root, root owns them.

    Args:
        folder: the server's own folder.

    Raises:
        NoMatchingPython: this server lacks the bundle's Python.
        BundleMissing, ChecksumMismatch, BundleRefused: a layer is gone or not what was uploaded.
    """
    fitting = [found for found in interpreters if found.minor == manifest["python"]]
    if not fitting:
        raise NoMatchingPython(
            f"This appserver has no Python {manifest['python']}, with which the version was built.",
            "Ask the operator to install it here, or to set DZ_INTERPRETERS.",
        )
    layers = {entry["kind"]: Layer.from_json(entry) for entry in manifest["layers"]}
    if not {"environment", "code"} <= layers.keys():
        raise BundleRefused(f"Bundle {manifest['name']} lists no environment or no code.", "Build the version again.")
    bundle_path = folder / "bundles" / manifest["sysid"] / manifest["name"]
    env_path = ensure_environment(layers["environment"], folder=folder, store=store)
    link_interpreter(env_path, fitting[0])
    _ensure(layers["code"], bundle_path, store)
    return Installed(env_path, bundle_path)


def ensure_environment(layer: Layer, *, folder: Path, store: BundleStore) -> Path:
    """Download and extract an environment unless it is there, and return where it lies; see `install`."""
    env_path = folder / "envs" / layer.sha256
    _ensure(layer, env_path, store)
    return env_path


def _ensure(layer: Layer, target: Path, store: BundleStore) -> None:
    owner = (0, 0) if os.geteuid() == 0 else None
    server_layers.ensure(layer, target, store=store, owner=owner, max_bytes=MAX_BYTES, max_members=MAX_MEMBERS)


def link_interpreter(env_path: Path, python: Interpreter) -> None:
    """Make an extracted environment a virtualenv of this server's interpreter."""
    (env_path / "bin").mkdir(exist_ok=True)
    text = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.full}\n"
    write(env_path / "pyvenv.cfg", text, mode=0o644)
    for name in ("python", "python3", f"python{python.minor}"):
        link = env_path / "bin" / name
        if link.is_symlink() and link.readlink() == python.path:
            continue
        part = link.with_name(f".{name}.{uuid.uuid4().hex}")
        part.symlink_to(python.path)
        part.replace(link)


def write_instance(
    deployment_id: int,
    *,
    folder: Path,
    sysid: str,
    environment: Mapping[str, str],
    address: str,
    port: int,
    processes: int,
    preload: bool = False,
    owner: tuple[int, int] | None,
    proxies: str = "127.0.0.1",
) -> Instance:
    """Write the files of an app instance; its secrets are readable by the project's user only.

    Args:
        owner: uid and gid of the project's user; None: this process's own.
        preload: load the project once, before the workers are forked.
        proxies: addresses whose X-Forwarded headers gunicorn believes, comma separated.
    """
    found = files_of(folder, deployment_id, sysid)
    found.folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    found.media.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    for private, mode in ((found.home, 0o700), (found.home / "tmp", 0o700), (found.media, 0o755)):
        private.mkdir(exist_ok=True, mode=mode)
        if owner:
            os.chown(private, *owner, follow_symlinks=False)
    gunicorn = _GUNICORN.format(
        bind=f"{address}:{port}",
        workers=processes,
        preload=preload,
        tmp=str(found.home / "tmp"),
        proxies=proxies,
        hold=str(found.hold),
    )
    if owner:
        # A project's code is nobody else's to read.
        bundles = folder / "bundles" / sysid
        bundles.mkdir(parents=True, exist_ok=True)
        os.chown(bundles, 0, owner[1])
        bundles.chmod(0o750)
    write(found.gunicorn_file, gunicorn, mode=0o644)
    write(found.env_file, json.dumps(dict(environment), sort_keys=True), mode=0o400, owner=owner)
    return found


def files_of(folder: Path, deployment_id: int, sysid: str) -> Instance:
    """Return where the files of an app instance lie."""
    own = folder / "instances" / str(deployment_id)
    media = folder / "projects" / sysid / "media"
    return Instance(own, own / "env.json", own / "gunicorn.conf.py", own / "hold", own / "home", media)


def remove_instance(folder: Path, deployment_id: int) -> None:
    """Remove the files of an app instance; the project's media stay."""
    shutil.rmtree(folder / "instances" / str(deployment_id), ignore_errors=True)


def write(path: Path, text: str, *, mode: int, owner: tuple[int, int] | None = None) -> None:
    """Replace a file in one step; it is never readable by more than `mode` and `owner` allow."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        if owner:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        file.flush()
        os.fsync(descriptor)
    part.replace(path)
