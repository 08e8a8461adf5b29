"""Whole inspections: of any text, of texts that grow without end, of names that nobody can print."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.tasklib.detection import inspect
from tests.unit.tasklib.detection.projects import SETTINGS, with_settings


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
