"""A server says how it is, and removes what no version needs."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dz import wiring
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


def test_layers_that_no_version_needs_go(state_dir: Path) -> None:
    old = state_dir / "servers" / "proxy-7" / "static" / ("0" * 64)
    old.mkdir(parents=True)
    os.utime(old, (0, 0))
    upkeep.clean("proxy", "proxy-7")
    assert not old.exists()
