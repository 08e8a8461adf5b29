"""Sets up the virtualenv of this checkout: a pinned uv, then everything of requirements.lock, checked by hash.

`bin/dz` runs it when the virtualenv is missing or incomplete, so it may use nothing but the standard library.
"""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOTSTRAP_LOCK = ROOT / "infra" / "bootstrap.lock"
LOCK = ROOT / "requirements.lock"
MINIMUM = (3, 11)
LOCK_SECONDS = 1800
"""Downloading every package over a slow line takes some minutes."""
PROBE = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"


class Problem(Exception):
    """What was found and what to do, for the person who ran `dz`."""


def main(arguments: list[str]) -> int:
    """Set up the virtualenv `arguments[1]` below the folder `arguments[0]`, one process at a time."""
    folder, virtualenv = Path(arguments[0]), Path(arguments[1])
    os.umask(0o022)
    try:
        _make_folder(folder)
        with _locked(folder / f"{virtualenv.name}.lock"):
            if not _ready(virtualenv):
                _set_up(folder, virtualenv)
    except Problem as problem:
        _say(str(problem))
        return 1
    except KeyboardInterrupt:
        _say("dz: interrupted; the next call continues.")
        return 130
    return 0


@contextlib.contextmanager
def _locked(path: Path, *, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Wait for the lock on a file and hold it; only its owner can open the file, for whoever can may hold the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Problem(
            f"dz: the lock file {path} cannot be opened: {error.strerror}.\n"
            "  What to do: remove it if it is a link or belongs to another user, or choose another folder with DZ_ENV_DIR."
        ) from error
    with os.fdopen(descriptor, "rb") as lock:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise Problem(
                f"dz: the lock file {path} belongs to another user.\n"
                "  What to do: remove it, or choose another folder with DZ_ENV_DIR."
            )
        os.fchmod(descriptor, 0o600)
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise Problem(
                        f"dz: another process has held the lock {path} for more than {seconds:.0f} s.\n"
                        f"  What to do: wait until it has ended, or end it if it hangs (`fuser {path}` names it)."
                    ) from error
            time.sleep(0.1)
        yield


def _set_up(folder: Path, virtualenv: Path) -> None:
    python = _interpreter()
    _say(f"dz: setting up {virtualenv} with {python} (once for this lock file, about a minute) ...")
    uv = _uv(folder, python)
    shutil.rmtree(virtualenv, ignore_errors=True)
    _run([str(uv), "venv", "--quiet", "--no-config", "--python", python, str(virtualenv)], "make an environment")
    _run(
        [
            *(str(uv), "pip", "sync", "--quiet", "--no-config", "--require-hashes"),
            *("--python", str(virtualenv / "bin" / "python"), str(LOCK)),
        ],
        "install the packages of requirements.lock",
        _pip_index(uv),
    )
    (virtualenv / "ready").touch()
    _say("dz: ready.")


def _ready(virtualenv: Path) -> bool:
    return (virtualenv / "ready").exists() and os.access(virtualenv / "bin" / "python", os.X_OK)


def _uv(folder: Path, python: str) -> Path:
    """Return the pinned uv, installed by pip into a folder of its own and checked by hash."""
    home = folder / f"uv-{sha256(BOOTSTRAP_LOCK.read_bytes()).hexdigest()[:16]}"
    uv = home / "bin" / "uv"
    if (home / "ready").exists() and os.access(uv, os.X_OK):
        return uv
    shutil.rmtree(home, ignore_errors=True)
    _run([python, "-m", "venv", str(home)], "make an environment for uv")
    pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--require-hashes", "--no-deps", "-r", str(BOOTSTRAP_LOCK)], "install uv")
    (home / "ready").touch()
    return uv


def _run(argv: list[str], purpose: str, index: str | None = None) -> None:
    done = subprocess.run(argv, env=_environment(index), stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Problem(
            f"dz: could not {purpose} (exit code {done.returncode}); the program's own words are above.\n"
            "  What to do: check the network and the free space, then run the same command again. "
            "Behind a package mirror, set `pip config set global.index-url ...`."
        )


def _environment(index: str | None) -> dict[str, str]:
    """Return this process's environment for pip and uv: certificates of the system, and the package index."""
    environment = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    if index and "UV_DEFAULT_INDEX" not in environment and "UV_INDEX_URL" not in environment:
        environment["UV_DEFAULT_INDEX"] = index
    return environment


def _pip_index(uv: Path) -> str | None:
    """Return the index-url that the pip beside `uv` is configured with; uv does not read pip's files."""
    argv = [str(uv.with_name("python")), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    return index_of(done.stdout)


def index_of(listing: str) -> str | None:
    """Return the index-url in the output of `pip config list`; the environment wins over files."""
    found = dict(re.findall(r"^(:env:|global|install)\.index-url='(.+)'$", listing, re.MULTILINE))
    return found.get(":env:") or found.get("install") or found.get("global")


def _interpreter() -> str:
    """Return a Python that can make virtualenvs and, for root, that every user can execute."""
    seen = []
    for path in _candidates():
        if os.geteuid() == 0 and not executable_by_all(path):
            seen.append(f"{path}: other users cannot execute it")
            continue
        probe = subprocess.run([path, "-c", PROBE], capture_output=True, text=True, check=False)
        version = probe.stdout.strip()
        if probe.returncode == 0 and tuple(map(int, version.split("."))) >= MINIMUM:
            return str(path)
        seen.append(f"{path}: " + (f"Python {version} is too old" if version else "has no venv module"))
    raise Problem(
        "dz: no usable Python was found.\n    " + "\n    ".join(seen) + "\n  What to do: install Python 3.11 or newer "
        "with venv where every user can run it (Debian: apt install python3-venv)."
    )


def _candidates() -> list[Path]:
    """Return the interpreters to try: the one that runs this file, then those of the usual places, newest first."""
    places = [Path("/usr/bin"), Path("/usr/local/bin"), *sorted(Path("/opt").glob("*/bin"))]
    found = [path for place in places for path in place.glob("python3*") if re.fullmatch(r"python3(\.\d+)?", path.name)]
    found.sort(key=lambda path: (path.name == "python3", _minor(path)), reverse=True)
    return list(dict.fromkeys([Path(sys.executable), *found]))


def _minor(path: Path) -> int:
    return int(path.name.partition(".")[2] or 0)


def executable_by_all(path: Path) -> bool:
    """Say whether every user can execute `path`: its real file, and all folders above that."""
    real = path.resolve()
    try:
        return all(place.stat().st_mode & stat.S_IXOTH for place in (real, *real.parents))
    except OSError:
        return False


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(
            f"dz: the folder {folder} cannot be made: {error.strerror}.\n"
            "  What to do: choose another with DZ_ENV_DIR, an absolute path."
        ) from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
