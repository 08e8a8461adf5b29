"""What the environment has to hold: who can say a value, and what the platform fills in."""

import base64
from pathlib import Path

import pytest

from dz.tasklib.configuration import resolution
from dz.tasklib.databases import Credentials
from dz.tasklib.detection import Variable, contract, inspect
from dz.tasklib.variables import platform
from tests.unit.tasklib.detection.projects import PROJECTS, read


def variable(tmp_path: Path, body: str, name: str = "NAME") -> Variable:
    return next(one for one in read(tmp_path, body).environment if one.name == name)


POSTGRES = "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', %s}}"


@pytest.mark.parametrize(
    ("body", "fills"),
    [
        (POSTGRES % "'NAME': os.environ['NAME']", "database_name"),
        (POSTGRES % "'PASSWORD': os.getenv('NAME')", "database_password"),
        ("import os\nHOST = os.environ['NAME']\n" + POSTGRES % "'HOST': HOST", "database_host"),
        ("import os\nDATABASES = {'default': {'ENGINE': os.environ['NAME']}}", "database_engine"),
        (POSTGRES % "'USER': 'a'" + "\nDATABASES['default']['USER'] = os.environ['NAME']", "database_user"),
        ("import os, dj_database_url\nDATABASES = {'default': dj_database_url.parse(os.environ['NAME'])}", "database_url"),
        ("import environ\nenv = environ.Env()\nDATABASES = {'default': env.db('NAME')}", "database_url"),
        ("import os\nSECRET_KEY = os.environ['NAME']", "secret_key"),
        ("from decouple import config, Csv\nALLOWED_HOSTS = config('NAME', cast=Csv())", "host"),
        ("import os\nMEDIA_ROOT = os.environ['NAME']", "media_root"),
        ("import os\nDEBUG = os.environ['DEBUG_IT'] == 'yes'", "debug"),
        ("import os\nDEBUG = bool(int(os.environ.get('DEBUG_IT', 1)))", "debug_number"),
        ("import os\nDEBUG = bool(os.environ.get('DEBUG_IT', True))", "debug_flag"),
        ("from environs import Env\nenv = Env()\nDEBUG = env.int('DEBUG_IT', 0)", "debug_number"),
    ],
)  # fmt: skip
def test_the_platform_fills_a_variable_by_what_it_decides(tmp_path: Path, body: str, fills: str) -> None:
    found = variable(tmp_path, body, "DEBUG_IT" if "DEBUG_IT" in body else "NAME")
    assert (found.supply, found.fills) == ("platform", fills)


@pytest.mark.parametrize(
    "body",
    [
        "import os\nDEBUG = 'NAME' not in os.environ",
        "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': os.getenv('NAME', '/data') + '/db'}}",
    ],
)
def test_a_variable_that_means_more_is_left_alone(tmp_path: Path, body: str) -> None:
    assert variable(tmp_path, body).supply == "default"


@pytest.mark.parametrize(
    ("body", "fills"),
    [
        ("import os\nCORS_ALLOWED_ORIGINS = os.environ.get('CORS_ALLOWED_ORIGINS', '').split(',')", "origins"),
        ("import os\nCORS_ALLOWED_ORIGINS = os.environ['CORS_ORIGINS'].split(',')", "origins"),
        (
            "import environ\nenv = environ.Env()\nCORS_ALLOWED_ORIGINS = env.json('CORS_ALLOWED_ORIGINS')",
            "origins_json",
        ),
        ("import os\nCORS_ALLOWED_ORIGINS = os.getenv('CORS_ORIGINS', 'https://app.example').split(',')", ""),
        ("import os\nCORS_ALLOW_ALL_ORIGINS = os.getenv('CORS_ALLOW_ALL_ORIGINS')", ""),
    ],
)
def test_origins_of_other_sites_are_this_one_where_nothing_else_is_known(tmp_path: Path, body: str, fills: str) -> None:
    assert next(one.fills for one in read(tmp_path, body).environment if one.name.startswith("CORS")) == fills


def test_one_host_is_not_a_list_of_them(tmp_path: Path) -> None:
    assert variable(tmp_path, "import os\nALLOWED_HOSTS = [os.environ['DOMAIN']]", "DOMAIN").fills == "host"


@pytest.mark.parametrize(
    ("name", "supply", "secret"),
    [
        ("DJANGO_DB_NAME", "platform", False),
        ("POSTGRES_PASSWORD", "platform", True),
        ("LEGACY_DB_HOST", "ask", False),
        ("REDIS_HOST", "ask", False),
        ("JWT_SECRET", "generate", True),
        ("HASHIDS_SALT", "generate", True),
        ("FIELD_ENCRYPTION_KEY", "generate", True),
        ("STRIPE_SECRET_KEY", "ask", True),
        ("AWS_SECRET_ACCESS_KEY", "ask", True),
        ("EMAIL_HOST_PASSWORD", "ask", True),
        ("GOOGLE_OAUTH_CLIENT_SECRET", "ask", True),
        ("STRIPE_PUBLISHABLE_KEY", "ask", False),
        ("SITE_NAME", "ask", False),
    ],
)
def test_who_can_say_a_required_value(tmp_path: Path, *, name: str, supply: str, secret: bool) -> None:
    found = variable(tmp_path, f"import os\nX = os.environ['{name}']", name)
    assert (found.supply, found.is_secret, found.required) == (supply, secret, True)
    assert found.basis == "site1/settings.py:5"


def test_a_default_is_told_but_never_that_of_a_secret(tmp_path: Path) -> None:
    found = {one.name: one for one in read(tmp_path, (
        "import os\nA = os.getenv('COLOUR', 'blue')\nB = os.getenv('COOKIE_SECRET', 'changeme')\n"
        "C = os.getenv('MAIL_TOKEN', 'abc')\nD = os.getenv('OTHER')"
    )).environment}  # fmt: skip
    assert (found["COLOUR"].supply, found["COLOUR"].default) == ("default", "blue")
    assert (found["COOKIE_SECRET"].supply, found["COOKIE_SECRET"].default) == ("generate", None)
    assert (found["MAIL_TOKEN"].supply, found["MAIL_TOKEN"].default) == ("default", None)
    assert (found["OTHER"].supply, found["OTHER"].default) == ("default", None)


def test_the_variable_of_another_database_is_not_the_platforms(tmp_path: Path) -> None:
    body = (
        "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'HOST': os.environ['DB_HOST']},\n"
        "  'two': {'ENGINE': 'django.db.backends.postgresql', 'HOST': os.environ['SHOP_DB_HOST']}}"
    )
    found = {one.name: one.supply for one in read(tmp_path, body).environment}
    assert found == {"DB_HOST": "platform", "SHOP_DB_HOST": "ask"}


def test_the_name_of_production_is_spelled_as_the_project_does(tmp_path: Path) -> None:
    body = "import os\nif os.getenv('ENVIRONMENT') == 'prod':\n    X = 1"
    assert variable(tmp_path, body, "ENVIRONMENT").fills == "=prod"


def test_an_encryption_key_has_the_form_that_fernet_wants() -> None:
    assert len(base64.urlsafe_b64decode(contract.generated("FERNET_KEY"))) == 32
    assert contract.generated("JWT_SECRET") != contract.generated("JWT_SECRET")


def test_supplied_values_are_those_of_the_site() -> None:
    wanted = (("A", "database_url"), ("B", "hosts_json"), ("C", "=prod"), ("D", "site_url"), ("E", "database_engine"))
    values = platform.platform_variables(
        wanted, credentials=Credentials("n", "u", "p", "h", 5432, "db-1"), database_type="postgresql-gis", secret="s",
        hosts=["a.example.org"], origins=["https://a.example.org"], media_root="/m",
    )  # fmt: skip
    assert values == {
        "A": "postgres://u:p@h:5432/n", "B": '["a.example.org"]', "C": "prod", "D": "https://a.example.org",
        "E": "django.contrib.gis.db.backends.postgis",
    }  # fmt: skip


def test_settings_that_somebody_chose_say_what_they_need_themselves() -> None:
    project = PROJECTS / "poetry_lock"
    found = inspect(project)
    assert found.env_required
    chosen = "[project]\ndjango_settings_module = shop.settings.dev\n"
    plan = resolution.of_checkout(found, project, source_url="https://example.org/a.git", attached=chosen, stored=None)
    assert (plan.required_variables, plan.platform_variables) == ((), ())
    plan = resolution.of_checkout(found, project, source_url="https://example.org/a.git", attached=None, stored=None)
    assert plan.required_variables == found.env_required
    assert ("SHOP_DB_NAME", "database_name") in plan.platform_variables


def test_a_server_that_the_platform_does_not_run_is_named(tmp_path: Path) -> None:
    assert variable(tmp_path, "import os\nX = os.getenv('REDIS_URL', 'redis://localhost')", "REDIS_URL").note
