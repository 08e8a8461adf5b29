"""Which variables settings cannot be imported without."""

from pathlib import Path

import pytest

from dz.tasklib.detection.reader import read as read_settings
from tests.unit.tasklib.detection.projects import SETTINGS, modules, project, read


@pytest.mark.parametrize(
    "body",
    [
        "import os\nX = os.environ['NAME']",
        "from os import environ\nX = environ['NAME']",
        "import os\nX = os.environ.get('NAME').split(',')",
        "from decouple import Csv, config\nX = config('NAME', default=[], cast=Csv())",
        "import os\nA, X = '', os.getenv('NAME')\nif not A or not X:\n    raise ValueError",
        "import os\nX = int(os.getenv('NAME'))",
        "import os\nX = 'a' in os.getenv('NAME')",
        "import os\nX = os.getenv('NAME')\nif not X:\n    raise ValueError('NAME')",
        "import os, sys\nif 'NAME' not in os.environ:\n    sys.exit('NAME')",
        "import os\nX = os.getenv('NAME', 'change-me')\nif X == 'change-me':\n    raise ValueError",
        "import environ\nenv = environ.Env()\nX = env('NAME')",
        "from environs import Env\nenv = Env()\nX = env.str('NAME')",
        "from environs import Env\nenv = Env()\nwith env.prefixed('NA'):\n    X = env('ME')",
        "from decouple import config\nX = config('NAME', cast=int)",
        "from decouple import Config\nX = Config('.env.production').get('NAME')",
        "import os\ntry:\n    X = os.environ['NAME']\nexcept KeyError:\n    raise RuntimeError",
        (
            "import os\ndef need(key):\n    value = os.environ.get(key)\n    if value is None:\n        raise KeyError(key)\n"
            "    return value\nX = need('NAME')"
        ),
        "from .secrets import X",
        "import importlib\nimportlib.import_module('site1.secrets')",
        "import os\ndef need(key):\n    value = os.getenv(key)\n    if value:\n        return value\n    raise ValueError(key)\nX = {'a': need('NAME')}",
        "import os\nX = {'a': os.getenv('OTHER'), 'b': int(os.getenv('NAME')), 'c': os.getenv('THIRD')}",
        "import os\nif os.environ.get('APP_ENV', 'development') == 'production':\n    X = os.environ['NAME']",
        "import os\nif os.getenv('STAGE') == 'prod':\n    X = os.environ['NAME']\nelse:\n    X = None",
        "import os\nENV = os.getenv('DJANGO_ENV') or 'local'\nif ENV.lower() in ('live', 'prod'):\n    X = os.environ['NAME']",
        "from pydantic import BaseSettings\nclass S(BaseSettings):\n    x: str\n    class Config:\n        env_prefix = 'NAME'\nX = S(x=1)\nclass T(S):\n    name: str\n    class Config:\n        env_prefix = ''\nX = T(x=1)",
        "from configurations import Configuration, values\nclass Prod(Configuration):\n    X = values.Value(environ_name='NAME', environ_prefix='', environ_required=True)",
    ],
)
def test_a_variable_is_required_when_its_absence_stops_the_import(tmp_path: Path, body: str) -> None:
    found = read(tmp_path, body, secrets="import os\nX = os.environ['NAME']")
    assert found.env_required == ("NAME",)
    guess = next(guess for guess in found.guesses if guess.field == "env_required")
    assert guess.basis.startswith("site1/")


def test_every_failing_part_of_a_statement_is_named(tmp_path: Path) -> None:
    found = read(
        tmp_path, "import os\nX = {'a': int(os.getenv('ONE')), 'b': [os.getenv('TWO').split(','), os.environ['THREE']]}"
    )
    assert found.env_required == ("ONE", "THREE", "TWO")


def test_settings_that_are_imported_by_a_computed_name_are_those_of_production(tmp_path: Path) -> None:
    body = (
        "import importlib, os\nrole = os.getenv('ENV_ROLE', 'development')\n"
        "globals().update(vars(importlib.import_module(f'site1.{role}')))"
    )
    found = read(
        tmp_path,
        body,
        prod="import os\nX = os.environ['NAME']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.mysql'}}",
        development="import os\nX = os.environ['OTHER']\nDATABASES = {}",
    )
    assert found.env_required == ("NAME",)
    assert found.database == "mysql"


@pytest.mark.parametrize(
    "body",
    [
        "import os\nX = os.environ.get('NAME', '').split(',')",
        "from environs import Env, EnvError\nenv = Env()\ntry:\n    X = env('NAME')\nexcept EnvError:\n    X = 1",
        "import environ\nfrom django.core.exceptions import ImproperlyConfigured\nenv = environ.Env()\ntry:\n    X = env('NAME')\nexcept ImproperlyConfigured:\n    X = 1",
        "from decouple import Csv, config\nX = config('NAME', default='a,b', cast=Csv())",
        "import os\nX = os.environ.get('NAME') or 'default'",
        "import os\nX = os.environ['NAME'] if 'NAME' in os.environ else None",
        "import os\ntry:\n    X = os.environ['NAME']\nexcept KeyError:\n    X = 'default'",
        "import environ\nenv = environ.Env(NAME=(bool, False))\nX = env('NAME')",
        "from decouple import config\nX = config('NAME', default='')",
        "import os\nif os.getenv('NAME'):\n    X = os.environ['OTHER']",
    ],
)
def test_a_variable_with_a_way_out_is_not_required(tmp_path: Path, body: str) -> None:
    found = read(tmp_path, body)
    assert found.env_required == ()
    assert "NAME" in found.env_needed


@pytest.mark.parametrize(
    "body",
    [
        "import os\nos.environ['NAME'] = 'set'\nX = os.environ['NAME']",
        "import os\nos.environ.setdefault('NAME', 'set')\nX = os.environ['NAME']",
        "import os\nX = os.environ['PATH'] + os.environ['HOME']",
        "import environ\nenv = environ.Env()\nenv.read_env(str((environ.Path(__file__) - 2).path('kept/.web')))\nX = env('NAME')",
        "from decouple import Config, RepositoryEnv\nX = Config(RepositoryEnv('kept/.web')).get('NAME')",
    ],
)
def test_a_variable_that_the_project_sets_itself_is_not_required(tmp_path: Path, body: str) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / ".web").write_text("NAME=set\n")
    assert read(tmp_path, body).env_required == ()


def test_a_reading_says_what_was_set_and_where(tmp_path: Path) -> None:
    files = {
        "site1/__init__.py": "",
        "site1/base.py": "A = 1\nB = 1\n",
        "site1/settings.py": "import os\nfrom .base import *\nB = os.getenv('NAME', 'b')\nC = made()\n",
    }
    found = read_settings(modules(tmp_path, files), "site1.settings")
    assert {name: repr(found.values[name]) for name in "ABC"} == {"A": "1", "B": "'b'", "C": "unknown"}
    assert found.files == ("site1/__init__.py", "site1/settings.py", "site1/base.py")
    assert (found.found.bases["A"], found.found.bases["B"]) == ("site1/base.py:1", "site1/settings.py:3")
    assert list(found.variables.read) == ["NAME"]


@pytest.mark.parametrize("text", ["broken(", "x = " + "(" * 90 + ")" * 90, "raise SystemExit", "X = 1\n" * 70_000])
def test_settings_that_cannot_be_read_to_the_end_give_what_there_is(tmp_path: Path, text: str) -> None:
    files = {"site1/__init__.py": "", "site1/settings.py": text}
    assert read_settings(modules(tmp_path, files), "site1.settings").values["__name__"] == "site1.settings"


def test_what_the_packages_of_apps_read_is_required_too(tmp_path: Path) -> None:
    files = {
        "site1/settings.py": SETTINGS.replace("[]", "['pay', 'shop.apps.ShopConfig']"),
        "pay/__init__.py": "from decouple import config\nKEY = config('PAY_KEY')\n",
        "shop/__init__.py": "",
        "shop/apps.py": "from environs import Env\nenv = Env()\nKEY = env.str('SHOP_KEY')\nMODE = env.str('SHOP_MODE', '')\n",
    }
    found = project(tmp_path, files)
    assert (found.env_required, found.env_needed) == (("PAY_KEY", "SHOP_KEY"), ("SHOP_MODE",))


def test_names_of_an_environment_in_a_package_are_followed(tmp_path: Path) -> None:
    files = {
        "conf/__init__.py": "from .reading import *\n",
        "conf/reading.py": "import environs\nfrom decouple import config\nenv = environs.Env()\n",
        "site1/settings.py": f"{SETTINGS}from conf import config, env\nA = env('NEEDED')\nB = config('WANTED')\n",
    }
    assert project(tmp_path, files).env_required == ("NEEDED", "WANTED")
