"""A server says how it is, and removes what no version needs."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from dz import wiring
from dz.adapters import interpreters
from dz.adapters.interpreters import Download
from dz.settings import settings
from dz.tasklib.servers import servers
from dz.worker import upkeep
from dz.zoomdb import Zoomdb


@pytest.fixture
def state_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, zoomdb: Zoomdb) -> Iterator[Path]:
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DZ_ZOOMDB_URL", zoomdb.url)
    settings.cache_clear()
    yield tmp_path
    wiring.zoomdb().close()
    settings.cache_clear()


def test_a_server_that_beats_is_alive_with_what_it_offers(zoomdb: Zoomdb, state_dir: Path) -> None:
    upkeep.beat("build", "build-7")
    upkeep.beat("proxy", "proxy-7")
    assert [server.name for server in servers.listed(zoomdb, role="build", alive_only=True)] == ["build-7"]
    assert [server.name for server in servers.listed(zoomdb, role="proxy", alive_only=True)] == ["proxy-7"]


def test_a_server_tells_its_own_pythons_and_those_that_were_fetched(zoomdb: Zoomdb, state_dir: Path) -> None:
    source = Download((3, 12, 1), "cpython-3.12.1-x", "https://example.org/x", "5" * 64)
    place = state_dir / "pythons" / "3.12.1-abc"
    program = place / source.key / "bin" / "python3.12"
    program.parent.mkdir(parents=True)
    program.touch()
    (place / "python.json").write_text(json.dumps({**asdict(source), "said": "main"}))
    upkeep.beat("build", "build-7")
    [server] = servers.listed(zoomdb)
    assert server.pythons == (*(one.full for one in interpreters.available()), "3.12.1")

    os.utime(place, (0, 0))
    upkeep.clean("build", "build-7")
    assert not place.exists(), "no bundle was made with it"


def test_layers_that_no_version_needs_go(state_dir: Path) -> None:
    old = state_dir / "servers" / "proxy-7" / "static" / ("0" * 64)
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    upkeep.clean("proxy", "proxy-7")
    assert not old.exists()


def test_a_folder_that_cannot_be_swept_keeps_no_other_from_going_and_is_reported(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    static = state_dir / "servers" / "proxy-7" / "static"
    paths = [static / (digit * 64) for digit in "123"]
    for path in paths:
        path.mkdir(parents=True)
        os.utime(path, (0, 0))
    rename, failing = Path.rename, []

    def refuse_first(path: Path, target: Path) -> Path:
        if not failing:
            failing.append(path)
            raise RecursionError
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse_first)
    upkeep.clean("proxy", "proxy-7")
    assert [path for path in paths if path.exists()] == failing
    assert f"removing {failing[0]} if nobody needs it failed, the rest goes on." in caplog.text
    upkeep.clean("proxy", "proxy-7")
    assert not failing[0].exists()
