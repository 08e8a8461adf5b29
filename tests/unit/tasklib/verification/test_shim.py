"""The platform's files in a bundle."""

import importlib.util
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from dz.settings import PROJECT_ROOT
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.verification import shim
from tests.manifests import PLAN


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_shim_holds_all_that_a_bundle_starts_with_and_the_plan(tmp_path: Path) -> None:
    plan = replace(PLAN, hooks=("migrate", "loaddata ä.json"))
    shim.write(plan, tmp_path / "dz")
    started = {"dz_run.py", "dz_settings.py", "dz_wsgi.py", "dz_asgi.py", "dz_hooks.py", "dz_verify.py"}
    assert started < _files(tmp_path / "dz").keys()
    assert Plan.from_json(json.loads((tmp_path / "dz" / "plan.json").read_text())) == plan


def test_the_shim_imports_nothing_that_it_does_not_bring(tmp_path: Path) -> None:
    shim.write(PLAN, tmp_path)
    brought = {path.stem for path in tmp_path.glob("*.py")}
    for path in tmp_path.glob("*.py"):
        words = [line.split()[1] for line in path.read_text().splitlines() if line.strip().startswith("import dz_")]
        words += [line.split()[1] for line in path.read_text().splitlines() if line.strip().startswith("from dz_")]
        assert set(words) <= brought, path.name


def test_writing_again_gives_the_same_and_every_user_can_read_it(tmp_path: Path) -> None:
    shim.write(PLAN, tmp_path)
    before = _files(tmp_path)
    shim.write(PLAN, tmp_path)
    assert _files(tmp_path) == before
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir() if path.is_file()} == {0o644}


def test_a_file_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "verified.json").write_text("old")
    shim.write_file(tmp_path / "verified.json", b"new")
    assert _files(tmp_path) == {"verified.json": b"new"}


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("DZ_PROXIES", "127.0.0.1,10.0.0.8")
    spec = importlib.util.spec_from_file_location("dz_front", PROJECT_ROOT / "dz" / "shim" / "dz_front.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("given", "host", "tls", "kept"),
    [
        ("id=a; Path=/; Secure", "shop.example", True, "id=a; Path=/; Secure"),
        ("id=a; Path=/; Secure", "shop.example", False, "id=a; Path=/"),
        ("id=a; secure;HttpOnly", "shop.example", False, "id=a; HttpOnly"),
        ("id=Secure; Path=/secure", "shop.example", False, "id=Secure; Path=/secure"),
        ("id=a; Domain=.shop.example; Secure", "www.SHOP.example", True, "id=a; Domain=.shop.example; Secure"),
        ("id=a; Domain=shop.example", "shop.example:8000", False, "id=a; Domain=shop.example"),
        ("id=a; Domain=shop.example; Secure", "myshop.example", True, "id=a; Secure"),
        ("id=a; Domain=shop.example; Path=/", "127.0.0.1:21000", False, "id=a; Path=/"),
        ("id=a", "shop.example", False, "id=a"),
    ],
)
def test_a_cookie_fits_the_host_and_the_scheme_of_its_request(
    front: ModuleType, given: str, host: str, kept: str, *, tls: bool
) -> None:
    assert front.cookie(given, host, tls) == kept


@pytest.mark.parametrize(
    ("peer", "named", "seen"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.8", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.9", "203.0.113.9", "10.0.0.9"),
        ("127.0.0.1", None, "127.0.0.1"),
    ],
)
def test_a_visitors_address_is_what_a_proxy_of_the_platform_says(
    front: ModuleType, peer: str, named: str | None, seen: str
) -> None:
    environ: dict[str, Any] = {"REMOTE_ADDR": peer, **({"HTTP_X_REAL_IP": named} if named else {})}
    front.wsgi(lambda environ, start: [environ["REMOTE_ADDR"].encode()])(environ, None)
    assert environ["REMOTE_ADDR"] == seen


def test_new_host_names_are_taken_up_once_they_are_in_the_file(
    front: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SimpleNamespace(ALLOWED_HOSTS=["a.example"])
    monkeypatch.setitem(sys.modules, "django.conf", SimpleNamespace(settings=settings))
    names = tmp_path / "hosts.json"
    monkeypatch.setenv("DZ_HOSTS_FILE", str(names))
    front._take_new_hosts()
    assert settings.ALLOWED_HOSTS == ["a.example"]
    names.write_text(json.dumps(["a.example", "b.example"]))
    front._take_new_hosts()
    assert settings.ALLOWED_HOSTS == ["a.example", "b.example"]
    os.utime(names, (1, 1))
    names.write_text(json.dumps(["c.example"]))
    front._take_new_hosts()
    assert settings.ALLOWED_HOSTS == ["c.example"]


def test_a_setting_that_has_not_its_full_effect_is_named(front: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    own = {
        "SECURE_SSL_REDIRECT": True,
        "CSRF_COOKIE_SECURE": True,
        "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https"),
        "CSRF_COOKIE_DOMAIN": ".shop.example",
    }
    monkeypatch.setenv("DZ_SITE_HOSTS", "shop.example,shop.localhost")
    monkeypatch.setenv("DZ_TLS", "")
    said = front.changed(own)
    assert [text.split()[0] for text in said] == ["SECURE_SSL_REDIRECT", "CSRF_COOKIE_SECURE:", "CSRF_COOKIE_DOMAIN"]
    assert "does not take in shop.localhost: there" in said[2]
    monkeypatch.setenv("DZ_TLS", "1")
    monkeypatch.setenv("DZ_SITE_HOSTS", "www.shop.example")
    assert front.changed(own) == []
    assert "was changed from HTTP_X_SCHEME" in front.changed({"SECURE_PROXY_SSL_HEADER": ("HTTP_X_SCHEME", "https")})[0]
