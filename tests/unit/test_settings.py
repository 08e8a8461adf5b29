"""What this process is told, by its environment and by the file of its stack."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from dz.settings import Settings, settings


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a stack; nothing of the environment of these tests counts."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DZ_{name.upper()}", raising=False)
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path))
    return tmp_path


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DZ_CAPACITY", "7")
    (state / "settings.json").write_text(json.dumps({"capacity": 5, "versions_kept": 4, "app_ports": [25000, 25999]}))
    found = Settings()
    assert (found.capacity, found.versions_kept, found.bundles_kept) == (7, 4, 10)
    assert found.app_ports == (25000, 25999)


def test_lists_are_json_in_the_environment(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DZ_GIT_HOSTS", '["git.example.org", "git://127.0.0.1:9418"]')
    assert Settings().git_hosts == ["git.example.org", "git://127.0.0.1:9418"]


@pytest.mark.parametrize(
    "value", ["10.0.0.0/8, 2001:db8::1,192.0.2.7/32", '["10.0.0.0/8", "[2001:db8::1]", "192.0.2.7"]']
)
def test_trusted_proxies_are_addresses_and_networks(state: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DZ_TRUSTED_PROXIES", value)
    assert Settings().trusted_proxies == ["10.0.0.0/8", "2001:db8::1", "192.0.2.7"]


def test_a_proxy_serves_this_machine_only_unless_it_is_told_otherwise(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Settings().proxy_addresses == ["127.0.0.1"]
    monkeypatch.setenv("DZ_PROXY_ADDRESSES", "0.0.0.0,::")
    assert Settings().proxy_addresses == ["0.0.0.0", "[::]"]  # noqa: S104 - nothing is bound here


def test_no_password_is_in_what_is_printed(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DZ_ZOOMDB_URL", "DZ_SITES_DATABASE_URL", "DZ_S3_SECRET_KEY", "DZ_PREFECT_AUTH_STRING"):
        monkeypatch.setenv(name, "postgresql+psycopg2://a:hunter2@h/d")
    found = Settings()
    assert "hunter2" not in repr(found) + str(found) + found.model_dump_json()
    assert "hunter2" in found.zoomdb_url.get_secret_value()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DZ_CAPACITY", "many"),
        ("DZ_BUNDLES_KEPT", "0"),
        ("DZ_BUNDLE_STORE", "ftp"),
        ("DZ_TRUSTED_PROXIES", "proxy.example.org"),
        ("DZ_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("DZ_PROXY_ADDRESSES", "[]"),
        ("DZ_PROXY_ADDRESSES", "10.0.0.0/8"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(
    state: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


def test_they_are_read_once_until_they_are_asked_for_anew(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.cache_clear()
    before = settings()
    monkeypatch.setenv("DZ_CAPACITY", "7")
    assert settings() is before
    settings.cache_clear()
    assert settings().capacity == 7
    settings.cache_clear()


def test_everything_of_a_stack_lies_in_its_folder_unless_it_is_told_otherwise(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Settings()
    assert found.key_file == state / "keys" / "zoomdb.key"
    assert found.server_dir("app-1") == state / "servers" / "app-1"
    monkeypatch.setenv("DZ_ENCRYPTION_KEY_FILE", "/etc/zoomdb.key")
    assert Settings().key_file == Path("/etc/zoomdb.key")


@pytest.mark.parametrize(("uid", "user"), [(0, "dz-p00000001"), (1000, None)])
def test_only_root_gives_each_project_a_user(
    state: Path, monkeypatch: pytest.MonkeyPatch, uid: int, user: str | None
) -> None:
    monkeypatch.setenv("DZ_UNIX_USER_PREFIX", "dz-")
    monkeypatch.setattr("os.geteuid", lambda: uid)
    assert Settings().unix_user("p00000001") == user
