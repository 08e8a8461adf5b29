"""Whole inspections: of any text, of texts that grow without end, of names that nobody can print."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.tasklib.detection import inspect
from tests.unit.tasklib.detection.projects import ENTRY, MANAGE, SETTINGS, with_settings, write


def test_nesting_and_growth_are_bounded(tmp_path: Path) -> None:
    mean = SETTINGS + "X = [0]\n" + "X = X + X\n" * 100 + "Y = 'a'.replace('', 'b' * 10**9)\nZ = 9 ** 9 ** 9\n"
    mean += "W = " + "(" * 90 + "1" + ")" * 90 + "\nV = a" + ".b" * 3000 + "\ndef f(): return f() + f()\nf()\n"
    started = time.monotonic()
    inspect(with_settings(tmp_path, mean))
    assert time.monotonic() - started < 5


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_no_settings_text_raises(tmp_path_factory: object, text: str) -> None:
    inspect(with_settings(tmp_path_factory.mktemp("any"), SETTINGS + text))  # type: ignore[attr-defined]


def test_no_text_that_a_database_or_a_terminal_refuses_comes_out(tmp_path: Path) -> None:
    reads = "import os\nA = os.environ.get('FOO', '\\ud800')\nB = os.environ.get('BAR', 'a\\0b')\n"
    with_settings(tmp_path, SETTINGS + reads)
    app = os.fsencode(tmp_path) + b"/caf\xe9"
    Path(os.fsdecode(app)).mkdir()
    for name in (app + b"/models.py", app + b"/mo\x1bdels.py"):
        Path(os.fsdecode(name)).write_text("from django.db import models\nx = models.FileField()\n")
    found = inspect(tmp_path)
    assert {one.name: one.default for one in found.environment} == {"BAR": None, "FOO": None}
    assert found.risks == ()


@pytest.mark.parametrize(
    "text",
    [
        "a0 = [1, 1]\n" + "".join(f"a{n} = [a{n - 1}, a{n - 1}]\n" for n in range(1, 60)) + "b = str(a59)\n",
        "a = {}\n" + "".join("b = {}\nb['x'] = a\nb['y'] = a\na = b\n" for _ in range(60)) + "LOGGING = str(a)\n",
        "a = []\n" + "b = []\nb.append(a)\nb.append(a)\na = b\n" * 60 + "INSTALLED_APPS = MIDDLEWARE = a\n",
        f"a = '{'x' * 19_000}'\n" + "b = a.replace('', a)\nc = a.join(a)\nd = ('{}' * 1).join([a, a])\n" * 200,
        f"a = '{'x' * 19_000}'\nf = '{'%s' * 9_000}'\nt = ({'a, ' * 9_000})\n" + "b = f % t\n" * 100,
    ],
    ids=["lists", "dicts", "appended", "texts", "formats"],
)
def test_values_that_grow_without_end_are_not_followed(tmp_path: Path, text: str) -> None:
    with_settings(tmp_path, f"{SETTINGS}{text}")
    begun = time.process_time()
    assert inspect(tmp_path).settings_module == "site1.settings"
    assert time.process_time() - begun < 8


MEMBER = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['apps/*']\n",
    "apps/web/pyproject.toml": "[project]\nname = 'web'\ndependencies = ['django']\n",
    "apps/web/src/site1/__init__.py": "",
    "apps/web/src/site1/settings.py": SETTINGS,
    "apps/web/src/site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
}


@pytest.mark.parametrize(
    ("files", "root"),
    [
        pytest.param({"apps/web/manage.py": MANAGE}, "apps/web", id="manage.py beside src"),
        pytest.param({"apps/web/src/manage.py": MANAGE}, "apps/web/src", id="manage.py in src"),
        pytest.param({"apps/web/src/site1/__main__.py": MANAGE}, "apps/web/src", id="a command of the package"),
        pytest.param({}, "apps/web/src", id="no manage.py"),
        pytest.param({"manage.py": MANAGE}, ".", id="manage.py at the root"),
    ],
)
def test_modules_of_a_member_begin_below_its_src(tmp_path: Path, files: dict[str, str], root: str) -> None:
    found = inspect(write(tmp_path, MEMBER | files))
    assert (found.project_root, found.settings_module, found.wsgi) == (root, "site1.settings", "site1.wsgi:application")
    assert found.python_path_dirs == (() if root.endswith("src") else ("apps/web/src",))


def test_src_begins_the_names_of_modules_where_the_project_says_so(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("site1", "src.site1"),
        "src/site1/settings.py": SETTINGS.replace("site1", "src.site1"),
        "src/site1/wsgi.py": ENTRY.format("wsgi", "src.site1.settings"),
    }
    found = inspect(write(tmp_path, files))
    assert (found.settings_module, found.wsgi) == ("src.site1.settings", "src.site1.wsgi:application")


def test_settings_that_are_to_be_made_after_an_example_are_named(tmp_path: Path) -> None:
    files = {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.example.py": SETTINGS}
    found = inspect(write(tmp_path, files))
    assert not found.is_django
    assert found.reason == (
        "manage.py:3 names site1.settings, which is not in the repository: "
        "site1/settings.py must be created after site1/settings.example.py"
    )


def test_the_folder_that_manage_py_adds_is_on_the_path(tmp_path: Path) -> None:
    files = {
        "manage.py": f"import sys\nsys.path.insert(0, 'backend')\n{MANAGE}",
        "backend/site1/__init__.py": "",
        "backend/site1/settings.py": SETTINGS,
        "backend/site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
    }
    found = inspect(write(tmp_path, files))
    assert (found.settings_module, found.wsgi) == ("site1.settings", "site1.wsgi:application")
    assert found.python_path_dirs == ("backend",)


def test_a_manage_py_whose_settings_are_nowhere_comes_last(tmp_path: Path) -> None:
    files = {
        "manage.py": MANAGE.replace("site1", "gone"),
        "src/manage.py": MANAGE,
        "src/site1/__init__.py": "",
        "src/site1/settings.py": SETTINGS,
    }
    found = inspect(write(tmp_path, files))
    assert (found.project_root, found.settings_module) == ("src", "site1.settings")
