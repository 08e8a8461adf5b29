"""What `dz settings` says of the platform's settings."""

import json
from pathlib import Path

import pytest

from dz.cli import main
from dz.settings import Settings, settings


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"DZ_{name.upper()}", raising=False)
    monkeypatch.setenv("DZ_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DZ_INDEX_URL", "https://postgres:tops3cret@pypi.example/simple")
    known = {
        "given": ["capacity"],
        "external": ["s3_endpoint"],
        "capacity": 7,
        "s3_endpoint": "https://s3.example",
        "s3_secret_key": "tops3cret",
        "prefect_auth_string": "dz:tops3cret",
        "git_hosts": ["github.com"],
    }
    (tmp_path / "settings.json").write_text(json.dumps(known))
    settings.cache_clear()
    yield tmp_path
    settings.cache_clear()


def test_each_setting_is_listed_with_its_value_and_where_it_comes_from(state, capsys) -> None:
    assert main.run(["settings", "--json"]) == 0
    shown = capsys.readouterr().out
    found = {one["name"]: one for one in json.loads(shown)["settings"]}
    assert set(found) == {f"DZ_{name.upper()}" for name in Settings.model_fields} - {"DZ_GIVEN", "DZ_EXTERNAL"}
    origins = {name: (one["value"], one["from"]) for name, one in found.items()}
    assert origins["DZ_CAPACITY"] == ("7", "given to dz up")
    assert origins["DZ_S3_ENDPOINT"] == ("https://s3.example", "given to dz up")
    assert origins["DZ_GIT_HOSTS"] == ("github.com", "chosen by the stack")
    assert origins["DZ_INDEX_URL"] == ("https://postgres:***@pypi.example/simple", "environment")
    assert origins["DZ_VERSIONS_KEPT"] == ("2", "default")
    assert origins["DZ_S3_SECRET_KEY"] == ("(hidden)", "chosen by the stack")
    assert "tops3cret" not in shown
    assert "how many app instances" in found["DZ_CAPACITY"]["what"].lower()


def test_some_can_be_asked_for_and_an_unknown_one_is_named(state, capsys) -> None:
    assert main.run(["settings", "capacity", "DZ_STATE_DIR"]) == 0
    shown = capsys.readouterr().out
    assert "DZ_CAPACITY" in shown
    assert str(state) in shown
    assert "DZ_NGINX" not in shown
    assert main.run(["settings", "DZ_TRUSTED_PROXY"]) == 2
    assert "there is no setting DZ_TRUSTED_PROXY" in capsys.readouterr().err
