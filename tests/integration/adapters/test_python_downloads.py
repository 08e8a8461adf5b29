"""Fetching Pythons with the real uv, from archives that are packed here."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from dz.adapters import interpreters, python_downloads
from dz.adapters.interpreters import Download, Interpreter
from dz.adapters.python_downloads import MARK, PythonDownloads, place_of
from dz.errors import PythonMissing
from tests.pythons import Packed, any_one, pack


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(tmp_path_factory.mktemp("archives"), [any_one()])


@pytest.fixture
def folder() -> Iterator[Path]:
    with _reachable() as place:
        yield place


@pytest.fixture
def downloads(packed: Packed, folder: Path) -> PythonDownloads:
    return PythonDownloads(folder, listing=str(packed.listing))


@contextlib.contextmanager
def _reachable() -> Iterator[Path]:
    """A folder for Pythons that every user can reach, unlike those of pytest."""
    place = Path(tempfile.mkdtemp(prefix="dzpy", dir="/tmp"))
    place.chmod(0o755)
    yield place / "pythons"
    shutil.rmtree(place)


@dataclass(frozen=True)
class Fetched:
    """A Python that several have asked for at the same time."""

    downloads: PythonDownloads
    offered: Download
    answers: list[Interpreter]
    said: list[str]

    @property
    def python(self) -> Interpreter:
        return self.answers[0]


@pytest.fixture(scope="module")
def fetched(packed: Packed) -> Iterator[Fetched]:
    with _reachable() as folder:
        downloads = PythonDownloads(folder, listing=str(packed.listing))
        [offered] = downloads.offered()
        assert downloads.fetched() == []
        said: list[str] = []
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: downloads.fetch(offered, on_line=said.append), range(4)))
        yield Fetched(downloads, offered, answers, said)


def test_several_who_need_a_python_at_the_same_time_fetch_it_once(fetched: Fetched, packed: Packed) -> None:
    assert fetched.offered.version == packed.pythons[0].version
    assert len(set(fetched.answers)) == 1
    assert len([line for line in fetched.said if "Installed" in line]) == 1
    assert fetched.downloads.fetched() == [fetched.python]
    assert fetched.python.source == fetched.offered
    again: list[str] = []
    assert fetched.downloads.fetch(fetched.offered, on_line=again.append) == fetched.python
    assert again == []


def test_a_fetched_python_runs_as_any_user_who_cannot_change_it(fetched: Fetched) -> None:
    place, program = place_of(fetched.python), fetched.python.path
    assert next(place.rglob("__pycache__/os.*.pyc")), "who cannot write there would compile it at each start"
    assert [path for path in place.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o022] == []
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        words = [program, "-c", "import ssl, sqlite3, sys, os; print(sys.prefix); os.listdir(sys.prefix)"]
        done = subprocess.run(words, cwd="/", capture_output=True, text=True, check=True, env={}, **identity)  # type: ignore[call-overload]
        assert done.stdout.strip() == str(program.parents[1])
        assert subprocess.run(["touch", place / ".lock"], check=False, **identity).returncode != 0  # type: ignore[call-overload]


def test_where_nothing_may_be_fetched_what_is_there_still_serves(fetched: Fetched, tmp_path: Path) -> None:
    never = replace(fetched.downloads, allowed=False)
    assert never.offered() == []
    assert never.fetched() == [fetched.python]
    assert never.fetch(fetched.offered) == fetched.python
    with pytest.raises(PythonMissing, match="DZ_PYTHON_DOWNLOADS is never"):
        replace(never, folder=tmp_path / "empty").fetch(fetched.offered)


def test_a_process_that_runs_a_python_is_seen(fetched: Fetched) -> None:
    folder = fetched.downloads.folder
    assert python_downloads.running(folder) == set()
    process = subprocess.Popen([fetched.python.path, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not python_downloads.running(folder) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert python_downloads.running(folder) == {place_of(fetched.python).name}
    finally:
        process.kill()
        process.wait()


def test_what_a_killed_process_left_is_made_anew(downloads: PythonDownloads, packed: Packed) -> None:
    code = (
        "from dz.adapters.python_downloads import PythonDownloads; from pathlib import Path; import sys\n"
        "there = PythonDownloads(Path(sys.argv[1]), listing=sys.argv[2])\n"
        "there.fetch(there.offered()[0], on_line=lambda line: print(line, flush=True))\n"
    )
    words = [sys.executable, "-c", code, str(downloads.folder), str(packed.listing)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline()  # uv is at work
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert downloads.fetched() == [], "it is not finished"
    [offered] = downloads.offered()
    made = downloads.fetch(offered)  # waits for the uv that was left alone
    assert interpreters.ask(made.path)
    assert [path.name for path in downloads.folder.iterdir() if path.is_dir()] == [place_of(made).name]


def test_an_archive_with_another_sum_is_refused_and_nothing_is_left(
    downloads: PythonDownloads, packed: Packed, tmp_path: Path
) -> None:
    data = json.loads(packed.listing.read_text())
    for entry in data.values():
        entry["sha256"] = "0" * 64
    (tmp_path / "wrong.json").write_text(json.dumps(data))
    wrong = PythonDownloads(downloads.folder, listing=str(tmp_path / "wrong.json"))
    with pytest.raises(PythonMissing, match="Hash mismatch"):
        wrong.fetch(wrong.offered()[0])
    assert [path for path in downloads.folder.iterdir() if path.is_dir()] == []


def test_what_failed_is_not_tried_again_at_once_for_a_project_that_can_do_without(
    downloads: PythonDownloads, packed: Packed, tmp_path: Path
) -> None:
    data = json.loads(packed.listing.read_text())
    for entry in data.values():
        entry["url"] = (tmp_path / "later.tar.gz").as_uri()
    (tmp_path / "list.json").write_text(json.dumps(data))
    later = PythonDownloads(downloads.folder, listing=str(tmp_path / "list.json"))
    [offered] = later.offered()
    with pytest.raises(PythonMissing, match="could not be fetched"):
        later.fetch(offered, patient=False)
    shutil.copy(next(packed.listing.parent.glob("*.tar.gz")), tmp_path / "later.tar.gz")
    with pytest.raises(PythonMissing, match="failed a moment ago"):
        later.fetch(offered, patient=False)
    assert later.fetch(offered).version == offered.version
    assert later.fetch(offered, patient=False).version == offered.version


def test_only_archives_for_this_platform_that_have_a_sum_are_offered(packed: Packed, tmp_path: Path) -> None:
    [(key, entry)] = json.loads(packed.listing.read_text()).items()
    major, minor, patch = key.removeprefix("cpython-").split("-")[0].split(".")
    others = {
        key.replace(f".{patch}-", ".91-"): {**entry, "sha256": None},
        key.replace(f".{patch}-", ".92-"): {**entry, "os": "darwin"},
        key.replace(f".{patch}-", ".93-"): {**entry, "variant": "freethreaded"},
        key.replace(f".{patch}-", ".94-"): {**entry, "prerelease": "rc1"},
        key.replace(f".{patch}-", ".95-"): {**entry, "arch": {"family": "riscv64", "variant": None}},
        key.replace(f"{major}.{minor}.{patch}", "3.8.20"): entry,
        key.replace("cpython", "pypy"): {**entry, "name": "pypy"},
    }
    (tmp_path / "list.json").write_text(json.dumps({**others, key: entry}))
    there = PythonDownloads(tmp_path, listing=str(tmp_path / "list.json"))
    assert [one.key for one in there.offered()] == [key]


@pytest.mark.parametrize("text", ["{", "[]", '{"cpython-3.12.1-linux-x86_64-gnu": {}}'])
def test_a_list_that_cannot_be_read_is_the_operators_matter(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(PythonMissing, match="cannot be read as a list of Pythons") as raised:
        PythonDownloads(tmp_path, listing=str(tmp_path / "list.json")).offered()
    assert raised.value.actor == "operator"


@pytest.mark.parametrize("url", ["http://example.org/list.json", "ftp://example.org/list.json"])
def test_nothing_is_taken_from_where_it_could_be_changed_on_the_way(packed: Packed, tmp_path: Path, url: str) -> None:
    with pytest.raises(PythonMissing, match="neither https:// nor file://"):
        PythonDownloads(tmp_path, listing=url).offered()
    [offered] = PythonDownloads(tmp_path, listing=str(packed.listing)).offered()
    with pytest.raises(PythonMissing, match="DZ_PYTHON_MIRROR is"):
        PythonDownloads(tmp_path / "pythons", mirror=url).fetch(offered)


def test_uv_knows_a_python_of_every_version_that_sites_run_on(tmp_path: Path) -> None:
    found = PythonDownloads(tmp_path).offered()
    assert {one.minor for one in map(_as_interpreter, found)} >= {"3.9", "3.10", "3.11", "3.12", "3.13", "3.14"}
    assert found == sorted(found, reverse=True)
    assert all(one.url.startswith("https://github.com/astral-sh/python-build-standalone/") for one in found)


def _as_interpreter(download: Download) -> Interpreter:
    return Interpreter(download.version, Path("/python"))


def test_uvs_own_archive_comes_from_the_mirror_and_its_sum_is_checked(
    packed: Packed, folder: Path, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    there = PythonDownloads(folder, mirror=mirror.as_uri())
    wanted = there.offered()[0]
    archive = mirror / wanted.url.split("/download/")[1].replace("%2B", "+")
    archive.parent.mkdir(parents=True)
    shutil.copy(next(packed.listing.parent.glob("*.tar.gz")), archive)
    with pytest.raises(PythonMissing, match="Hash mismatch"):
        there.fetch(wanted)


def test_a_folder_that_others_could_write_is_not_used(downloads: PythonDownloads) -> None:
    downloads.folder.mkdir()
    downloads.folder.chmod(0o777)
    with pytest.raises(PythonMissing, match="others can write there"):
        downloads.fetch(downloads.offered()[0])


def test_an_archive_that_holds_another_python_is_refused(packed: Packed, folder: Path, tmp_path: Path) -> None:
    [(key, entry)] = json.loads(packed.listing.read_text()).items()
    full = key.removeprefix("cpython-").split("-")[0]
    other = ".".join([*full.split(".")[:2], "97"])
    (tmp_path / "list.json").write_text(json.dumps({key.replace(full, other): {**entry, "patch": 97}}))
    there = PythonDownloads(folder, listing=str(tmp_path / "list.json"))
    with pytest.raises(PythonMissing, match="another version"):
        there.fetch(there.offered()[0])
    assert list(folder.glob(f"*/{MARK}")) == []
