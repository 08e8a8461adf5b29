"""Which package a project has been left behind by."""

from pathlib import Path
from typing import Any

import pytest

from dz.adapters.interpreters import Interpreter
from dz.tasklib.verification import outgrown
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tests.manifests import PLAN

PYTHON = Interpreter((3, 12, 2), Path("/usr/bin/python3.12"))


def found(folder: Path, report: dict[str, Any], *lines: str, locked: bool = False) -> str:
    site = folder / "env" / "lib" / "python3.12" / "site-packages"
    for name, module in (("django", "django"), ("PyJWT", "jwt"), ("own", "shop")):
        about = site / f"{name}-9.0.dist-info"
        about.mkdir(parents=True)
        (about / "RECORD").write_text(f"{module}/__init__.py,,\n")
    (folder / "src" / "shop").mkdir(parents=True)
    made = Virtualenv(folder / "env", "k", PYTHON, lines or ("django>=2", "pyjwt"), locked=locked)
    return outgrown.package(report, PLAN, folder / "src", made)


def error(kind: str, message: str, raised_in: str = "") -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "raised_in": raised_in}}


REMOVED = error(
    "ImportError", "cannot import name 'url' from 'django.conf.urls' (/x/site-packages/django/conf/urls.py)"
)


@pytest.mark.parametrize(
    ("report", "package"),
    [
        (REMOVED, "django"),
        (error("ModuleNotFoundError", "No module named 'django.core.urlresolvers'"), "django"),
        (error("AttributeError", "module 'jwt' has no attribute 'decode_complete'"), "pyjwt"),
        (error("TypeError", "f() takes 1 argument", "jwt/api.py"), "pyjwt"),
        (error("TypeError", "ForeignKey.__init__() missing 1 required positional argument: 'on_delete'"), "django"),
        (error("ModuleNotFoundError", "No module named 'pytz'"), "django"),
        ({"check_errors": ["(fields.E903) X has been removed except for support in historical migrations."]}, "django"),
        (error("ModuleNotFoundError", "No module named 'requests'"), ""),
        (error("ModuleNotFoundError", "No module named 'shop.models'"), ""),
        (error("ImportError", "cannot import name 'x' from 'shop' (/srv/src/shop/__init__.py)"), ""),
        (error("ModuleNotFoundError", "No module named 'distutils'", "jwt/api.py"), ""),
        (error("ImproperlyConfigured", "The SECRET_KEY setting must not be empty.", "django/conf/__init__.py"), ""),
        (error("KeyError", "'TOKEN'", "jwt/api.py"), ""),
        ({"check_errors": ["shop.Item: (fields.E304) Reverse accessor clashes."]}, ""),
        ({}, ""),
    ],
)  # fmt: skip
def test_a_package_is_named_only_if_what_is_lacking_was_its(
    tmp_path: Path, report: dict[str, Any], package: str
) -> None:
    assert found(tmp_path, report) == package


@pytest.mark.parametrize(
    ("lines", "locked", "package"),
    [
        (("django==6.0", "pyjwt"), False, ""),
        (("django==6.0 --hash=sha256:00", "pyjwt"), False, ""),
        (("django @ https://example.org/django.whl",), False, ""),
        (("django",), True, ""),
        (("django==6.*",), False, "django"),
    ],
)
def test_a_pin_or_a_lock_decides(tmp_path: Path, lines: tuple[str, ...], locked: bool, package: str) -> None:  # noqa: FBT001 - a case
    assert found(tmp_path, REMOVED, *lines, locked=locked) == package
