"""What a local stack keeps of the settings that it is given, and what its processes get of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dz.errors import StackProblem
from dz.settings import Settings, settings
from infra.local import stack
from infra.local.configuration import Configuration
from infra.local.layout import Layout


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DZ_{name.upper()}", raising=False)
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("infra.local.ports.is_free", lambda port: True)
    settings.cache_clear()
    (tmp_path / "keys").mkdir()
    yield Layout(tmp_path)
    settings.cache_clear()


def _up(layout: Layout, appservers: int = 1, proxies: int = 1) -> tuple[Configuration, dict[str, Any]]:
    """Do what `up` does before it starts anything; return the configuration and what `settings.json` says then."""
    found = stack._configure(layout, appservers, proxies)
    layout.settings.write_text(json.dumps(found.settings()))
    return found, json.loads(layout.settings.read_text())


GIVEN = {
    "DZ_HEALTH_TIMEOUT": "7",
    "DZ_PLATFORM_DOMAIN": "apps.example.org",
    "DZ_TRUSTED_PROXIES": "10.0.0.0/8",
    "DZ_PROXY_PORT": "8080",
    "DZ_PROXY_STATUS_PORT": "8090",
    "DZ_APP_PORTS": "[24000, 24099]",
    "DZ_SITE_PORTS": "[25000, 25099]",
    "DZ_GIT_HOSTS": '["git.example.org"]',
    "DZ_PREFECT_AUTH_STRING": "me:word",
    "DZ_S3_ACCESS_KEY": "mine",
    "DZ_VERSIONS_KEPT": "3",
    "DZ_ENCRYPTION_KEY_FILE": "/etc/zoomdb.key",
}


def test_every_setting_that_is_given_reaches_all_processes_and_survives_the_next_up(layout, monkeypatch) -> None:
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    first, _ = _up(layout)
    for name in GIVEN:
        monkeypatch.delenv(name)
    for configuration, known in (_up(layout), _up(layout)):
        assert set(known["given"]) == {name.removeprefix("DZ_").lower() for name in GIVEN}
        assert configuration.settings() == first.settings()
        read = Settings()  # as every process of the stack does
        assert (read.health_timeout, read.platform_domain, read.versions_kept) == (7, "apps.example.org", 3)
        assert read.trusted_proxies == ["10.0.0.0/8"]
        assert (read.proxy_port, read.proxy_status_port) == (8080, 8090)
        assert (read.app_ports, read.site_ports) == ((24000, 24099), (25000, 25099))
        assert read.git_hosts == ["git.example.org", configuration.git_host]
        assert read.model_dump()["prefect_auth_string"].get_secret_value() == "me:word"
        assert read.s3_access_key == "mine"
        assert read.key_file == configuration.key_file == Path("/etc/zoomdb.key")
        assert {"PREFECT_API_AUTH_STRING": "me:word"}.items() <= configuration.prefect_environment().items()


def test_one_that_is_given_anew_is_taken_and_one_that_is_given_empty_is_forgotten(layout, monkeypatch) -> None:
    monkeypatch.setenv("DZ_HEALTH_TIMEOUT", "7")
    monkeypatch.setenv("DZ_CAPACITY", "8")
    _up(layout)
    monkeypatch.setenv("DZ_HEALTH_TIMEOUT", "9")
    monkeypatch.setenv("DZ_CAPACITY", "")
    assert _up(layout)[1]["given"] == ["health_timeout"]
    monkeypatch.delenv("DZ_CAPACITY")
    monkeypatch.delenv("DZ_HEALTH_TIMEOUT")
    assert (Settings().health_timeout, Settings().capacity) == (9, 100)


def test_several_servers_of_a_machine_share_the_ports_that_are_given(layout, monkeypatch) -> None:
    monkeypatch.setenv("DZ_APP_PORTS", "[24000, 24099]")
    monkeypatch.setenv("DZ_PROXY_PORT", "8080")
    found = stack._configure(layout, 2, 2)
    assert [found.server_settings(number)["app_ports"] for number in (1, 2)] == [(24000, 24049), (24050, 24099)]
    assert [found.server_settings(number)["proxy_port"] for number in (1, 2)] == [8080, 8081]
    monkeypatch.setenv("DZ_APP_PORTS", "[24000, 24000]")
    with pytest.raises(StackProblem, match="The ports 24000 to 24000 are too few for 2 servers"):
        stack._configure(layout, 2, 2).settings()


def test_a_worker_is_restarted_when_a_setting_changes_and_only_then(layout, monkeypatch) -> None:
    before = {one.name: one.env for one in _up(layout)[0].workers()}
    assert {one.name: one.env for one in _up(layout)[0].workers()} == before
    monkeypatch.setenv("DZ_HEALTH_TIMEOUT", "7")
    after = {one.name: one.env for one in _up(layout)[0].workers()}
    assert all(after[name] != env for name, env in before.items())
    assert not any("HEALTH" in name for env in after.values() for name in env)  # it is in the file alone


def test_what_says_which_process_this_is_belongs_to_no_stack(layout, monkeypatch) -> None:
    monkeypatch.setenv("DZ_ROLE", "build")
    monkeypatch.setenv("DZ_SERVER_ID", "build-1")
    assert _up(layout)[1]["given"] == []
    monkeypatch.setenv("DZ_SUPERVISOR_SOCKET", "/run/s")
    with pytest.raises(StackProblem, match="DZ_SUPERVISOR_SOCKET cannot be given to a local stack"):
        _up(layout)


def test_a_stack_is_down_unless_it_runs_or_the_database_is_elsewhere(layout, monkeypatch) -> None:
    assert stack.down_in() == layout.state
    monkeypatch.setitem(os.environ, "DZ_ZOOMDB_URL", "postgresql+psycopg2://db/zoomdb")
    assert stack.down_in() is None
