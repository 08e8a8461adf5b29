import fcntl
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bootstrap

ROOT = Path(__file__).resolve().parents[3]


def test_uv_of_the_bootstrap_is_that_of_the_lock():
    def pinned(path: Path) -> set[str]:
        block = re.search(r"^uv==.*?(?=^\S|\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
        assert block
        return {block[0].split()[0], *re.findall(r"sha256:[0-9a-f]{64}", block[0])}

    assert pinned(bootstrap.BOOTSTRAP_LOCK) == pinned(bootstrap.LOCK)


def test_an_interpreter_below_a_closed_folder_is_not_for_all(tmp_path):
    tmp_path.chmod(0o755)
    program = tmp_path / "python3"
    program.touch(mode=0o755)
    program.chmod(0o755)
    (tmp_path / "closed").mkdir(mode=0o700)
    hidden = tmp_path / "closed" / "python3"
    hidden.touch()
    hidden.chmod(0o755)
    link = tmp_path / "link"
    link.symlink_to(hidden)
    assert not bootstrap.executable_by_all(hidden)
    assert not bootstrap.executable_by_all(link)
    assert bootstrap.executable_by_all(Path("/bin/sh"))


@pytest.mark.parametrize(
    ("listing", "index"),
    [
        ("", None),
        ("global.cert='/etc/ssl/x.pem'\nglobal.extra-index-url='https://other.example/simple'", None),
        ("global.index-url='https://mirror.example/simple'\nglobal.timeout='9'", "https://mirror.example/simple"),
        ("global.index-url='https://a.example/'\n:env:.index-url='https://b.example/'", "https://b.example/"),
    ],
)
def test_the_index_of_pip_is_found_in_its_configuration(listing, index):
    assert bootstrap.index_of(listing) == index


def test_the_launcher_runs_a_ready_environment_at_once(tmp_path):
    digest = subprocess.run(
        ["sha256sum", str(ROOT / "requirements.lock")], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    environment = tmp_path / digest
    (environment / "bin").mkdir(parents=True)
    (environment / "ready").touch()
    python = environment / "bin" / "python"
    python.write_text('#!/bin/sh\necho "$DZ_STATE_DIR|$PYTHONPATH|$PWD|$*"\n')
    python.chmod(0o755)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DZ_ENV_DIR": str(tmp_path), "DZ_STATE_DIR": "state"}
    done = subprocess.run(
        [str(ROOT / "bin" / "dz"), "deploy", "a b"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{tmp_path}/state|{ROOT}|{tmp_path}|-m dz.cli deploy a b"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    done = subprocess.run(
        [
            sys.executable,
            "-S",
            bootstrap.__file__,
            str(tmp_path / "file" / "env"),
            str(tmp_path / "file" / "env" / "x"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "DZ_ENV_DIR" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["bin/dz", ".ci/run"])
def test_launchers_are_executable(name):
    assert os.access(ROOT / name, os.X_OK)


def test_the_lock_of_an_environment_is_for_its_owner_alone_and_has_a_deadline(tmp_path):
    lock = tmp_path / "env.lock"
    lock.touch()
    lock.chmod(0o644)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(bootstrap.Problem, match="held the lock"), bootstrap._locked(lock, seconds=0.2):
            pass
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    lock.unlink()
    lock.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(bootstrap.Problem, match="cannot be opened"), bootstrap._locked(lock):
        pass
