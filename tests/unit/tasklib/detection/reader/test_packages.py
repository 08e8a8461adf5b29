"""Calls of `os` and of settings packages."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import packages
from dz.tasklib.detection.reader.evaluator import Evaluator
from dz.tasklib.detection.reader.failures import Failure
from dz.tasklib.detection.reader.values import UNKNOWN, Native, UrlDatabase
from tests.unit.tasklib.detection.reader.parts import evaluator


@pytest.fixture
def made(tmp_path: Path) -> Evaluator:
    return evaluator(tmp_path, files={"config/local.json": "{}"})


@pytest.mark.parametrize(
    ("name", "args", "kwargs", "wanted"),
    [
        ("os.getenv", ["NAME"], {}, None),
        ("os.environ.get", ["NAME", "blue"], {}, "blue"),
        ("os.environ.pop", ["NAME"], {"default": "blue"}, "blue"),
        ("os.environ.setdefault", ["NAME", "blue"], {}, "blue"),
        ("env", ["NAME"], {"default": "blue"}, "blue"),
        ("env.bool", ["NAME", "on"], {}, True),
        ("env.list", ["NAME", "a,b"], {}, ["a", "b"]),
        ("config", ["NAME"], {"default": "no", "cast": bool}, False),
        ("config", ["NAME"], {"default": "a, b", "cast": Native("Csv")}, ["a", "b"]),
        ("env.cache", ["NAME", "locmem://"], {}, UNKNOWN),
    ],
)
def test_a_read_gives_its_default(made: Evaluator, name: str, args: list[str], kwargs: dict, wanted: object) -> None:
    assert packages.call(made, Native(name), args, kwargs) == wanted
    assert list(made.variables.read) == ["NAME"]
    assert not made.variables.required


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("env", ["NAME"], {}),
        ("env.int", ["NAME"], {}),
        ("config", ["NAME"], {"cast": int}),
        ("config", ["NAME"], {"default": [], "cast": Native("Csv")}),
    ],
)
def test_a_read_without_a_default_is_required(made: Evaluator, name: str, args: list[str], kwargs: dict) -> None:
    assert packages.call(made, Native(name), args, kwargs) is UNKNOWN
    assert list(made.variables.required) == ["NAME"]


@pytest.mark.parametrize(
    ("name", "args", "variable"),
    [("url", [], "DATABASE_URL"), ("env.db", [], "DATABASE_URL"), ("env.db_url", ["SITE_DB"], "SITE_DB")],
)
def test_a_url_decides_the_database(made: Evaluator, name: str, args: list[str], variable: str) -> None:
    found = packages.call(made, Native(name), args, {"default": "sqlite:///db"})
    assert isinstance(found, UrlDatabase)
    assert found.default == "sqlite:///db"
    assert list(made.variables.read) == [variable]


def test_env_knows_schemes_and_prefixes(made: Evaluator) -> None:
    env = packages.call(made, Native("Env"), [], {"DEBUG": (bool, False)})
    assert packages.call(made, env, ["DEBUG"], {}) is False
    inner = packages.call(made, Native("env.prefixed", "SHOP_"), ["DB_"], {})
    packages.call(made, inner, ["NAME"], {})
    assert list(made.variables.required) == ["SHOP_DB_NAME"]


def test_inside_try_a_failed_read_is_what_any_of_the_packages_raises(made: Evaluator) -> None:
    with made.attempt(), pytest.raises(Failure) as caught:
        packages.call(made, Native("env"), ["NAME"], {})
    assert {"ImproperlyConfigured", "UndefinedValueError"} <= set(caught.value.kind.split())


def test_only_what_is_in_the_tree_exists(made: Evaluator) -> None:
    assert packages.call(made, Native("os.path.exists"), ["/config/local.json"], {}) is True
    assert packages.call(made, Native("os.path.isdir"), ["config"], {}) is True
    assert packages.call(made, Native("os.path.exists"), ["/etc/passwd"], {}) is False
    assert packages.call(made, Native("os.path.exists"), [UNKNOWN], {}) is UNKNOWN


def test_an_address_of_sentry_that_lacks_a_part_needs_the_variable(made: Evaluator) -> None:
    dsn = f"https://{made.variables.ask('KEY')}sentry.io/1"
    with pytest.raises(Failure) as caught:
        packages.call(made, Native("sentry_sdk.init"), [], {"dsn": dsn})
    assert caught.value.names == {"KEY"}
    assert packages.call(made, Native("sentry_sdk.init"), ["https://key@sentry.io/1"], {}) is UNKNOWN


def test_what_is_not_imitated_is_unknown(made: Evaluator) -> None:
    for name in ("os", "values", "env.dump", "importlib"):
        assert packages.call(made, Native(name), ["NAME"], {}) is UNKNOWN
    assert not made.variables.read
