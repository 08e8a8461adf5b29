"""Runs a project once under the settings shim, in its sandbox, and brings its report back."""

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from dz.adapters import files, trees, writable_tree
from dz.adapters.processes import Finished
from dz.adapters.sandbox import Sandbox
from dz.adapters.users import identity, owned
from dz.adapters.walls.confinement import folder_of
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.variables.redaction import hide, hide_in
from dz.tasklib.verification import catalogs, reports
from dz.tasklib.verification.shim import write
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv

_MOST_WRITTEN = 6
"""How many files and missing folders of its own a project may write to while it is loaded; each costs a run."""
_TEXTS = ("error", "check_errors", "warnings")
"""The parts of a report that show people the project's own words."""


def run(
    plan: Plan,
    checkout: Checkout,
    virtualenv: Virtualenv,
    *,
    place: Path,
    sandbox: Sandbox,
    given: Mapping[str, str],
    timeout: float,
    options: Mapping[str, Any],
    secret: Collection[str] = (),
) -> tuple[Finished, dict[str, Any]]:
    """Load the project; return how the process ended and its report, which is empty unless it is genuine.

    A project that is refused to write below its own folder, such as to a log, is loaded again in a copy of it that it
    may write to; `written` in the report then names what it writes.

    Args:
        place: a new folder for this run, in a folder of ours that every user can enter; its `out/` is the project's.
        given: the environment variables that the project gets.
        timeout: seconds until the process is stopped.
        options: what to do besides loading; see `shim/dz_verify.py`.
        secret: the owner's values, which are hidden in all texts of the result.
    """
    written: list[str] = []
    while True:
        done, report = _run_once(
            plan, checkout, virtualenv, place, sandbox, given=given, timeout=timeout, options=options, written=written
        )
        wanted = reports.refused_path(report)
        if not wanted or wanted in written or len(written) == _MOST_WRITTEN:
            break
        written.append(wanted)
        trees.remove_tree(place)
    shown = {key: hide_in(report[key], secret) for key in _TEXTS if key in report}
    return replace(done, output=hide(done.output, secret)), {**report, **shown, "written": written} if report else {}


def _run_once(
    plan: Plan,
    checkout: Checkout,
    virtualenv: Virtualenv,
    place: Path,
    sandbox: Sandbox,
    *,
    given: Mapping[str, str],
    timeout: float,
    options: Mapping[str, Any],
    written: Sequence[str],
) -> tuple[Finished, dict[str, Any]]:
    """Load the project in its checkout, or in a copy in which it may write."""
    write(virtualenv.completed(plan), place / "dz")
    catalogs.lend_compiler(place / "dz")
    for folder in (place, place / "dz"):
        folder.chmod(0o755)
    source = checkout.path
    if written:
        source = place / "src"
        writable_tree.make(checkout.path, source, written=written, owner=identity(sandbox.user))
    out = place / "out"
    out.mkdir(mode=0o755)
    nonce = secrets.token_hex(16)
    _write_for(out / "nonce", nonce.encode(), sandbox.user)  # taken away by the shim before it loads anything
    owned(out, sandbox.user)
    job = {**options, "out": str(out), "application": "asgi" if plan.use_asgi else "wsgi"}
    env = {**given, "DZ_STATIC_ROOT": str(out / "static"), "DZ_MEDIA_ROOT": str(out / "media")}
    secret_files = {"job.json": job, "env.json": env}
    for name, value in secret_files.items():
        _write_for(place / name, json.dumps(value).encode(), sandbox.user)
    program: list[str | Path] = [virtualenv.program, "-I", "-S", "-B", place / "dz" / "dz_run.py"]
    argv = [*program, place / "env.json", "verify", place / "job.json"]
    done = sandbox.run(
        argv,
        cwd=out,
        env={"DZ_SOURCE": str(source)},
        timeout=timeout,
        reads=[place, checkout.path, virtualenv.path, folder_of(virtualenv.python.path)],
        writes=[out, *([source] if written else [])],
    )
    (place / "env.json").unlink()
    report = reports.read(out / "report.json")
    genuine = report.get("nonce") == nonce and (report.get("ok") is True) == done.ok
    return done, report if genuine else {}


def _write_for(path: Path, content: bytes, user: str | None) -> None:
    """Write a file that only `user` can read, since it may hold the owner's secrets."""
    files.write(path, content, mode=0o600, owner=identity(user), sync=False)
