"""Trees that are broken or mean harm: never a crash, never a read outside, always bounded."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.tasklib.detection import inspect
from dz.tasklib.detection.syntax import modernised, parsed
from dz.tasklib.detection.tree import Tree

MANAGE = "import os\nfrom django.core.management import execute_from_command_line\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'a.settings')\n"
FINE = "INSTALLED_APPS = []\nROOT_URLCONF = 'a.urls'\n"


def project(root: Path, settings_text: str) -> Path:
    (root / "a").mkdir(exist_ok=True)
    (root / "a" / "__init__.py").write_text("")
    (root / "a" / "settings.py").write_text(settings_text, encoding="utf-8", errors="surrogatepass")
    (root / "manage.py").write_text(MANAGE)
    return root


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("django==9.9")
    tree = tmp_path / "tree"
    tree.mkdir()
    project(tree, FINE)
    (tree / "requirements.txt").symlink_to(secret)
    found = inspect(tree)
    assert found.dependency_files == ()
    assert "9.9" not in str(found)


def test_a_fifo_does_not_block(tmp_path: Path) -> None:
    project(tmp_path, FINE)
    os.mkfifo(tmp_path / "requirements.txt")
    assert inspect(tmp_path).settings_module == "a.settings"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    project(tmp_path, FINE)
    (tmp_path / "requirements.txt").write_text("django==1.0\n" * 200_000)
    assert Tree(tmp_path).text("requirements.txt") is None
    assert inspect(tmp_path).django_version is None


def test_requirements_in_utf_16_are_read(tmp_path: Path) -> None:
    project(tmp_path, FINE)
    (tmp_path / "requirements.txt").write_bytes("Django==5.2\r\n".encode("utf-16"))
    assert inspect(tmp_path).django_version == "==5.2"


def test_a_loop_of_includes_ends(tmp_path: Path) -> None:
    project(tmp_path, FINE)
    (tmp_path / "requirements.txt").write_text("-r other.txt\n")
    (tmp_path / "other.txt").write_text("-r requirements.txt\ndjango==5.0\n")
    assert inspect(tmp_path).dependency_files == ("requirements.txt", "other.txt")


def test_nesting_and_growth_are_bounded(tmp_path: Path) -> None:
    mean = FINE + "X = [0]\n" + "X = X + X\n" * 100 + "Y = 'a'.replace('', 'b' * 10**9)\nZ = 9 ** 9 ** 9\n"
    mean += "W = " + "(" * 90 + "1" + ")" * 90 + "\nV = a" + ".b" * 3000 + "\ndef f(): return f() + f()\nf()\n"
    started = time.monotonic()
    inspect(project(tmp_path, mean))
    assert time.monotonic() - started < 5


def test_settings_of_python_2_are_read(tmp_path: Path) -> None:
    old = FINE + "print 'hello'\ntry:\n    import local\nexcept ImportError, e:\n    pass\nMODE = 0755\n"
    assert parsed(old) is None
    assert parsed(modernised(old)) is not None
    assert inspect(project(tmp_path, old)).settings_module == "a.settings"


def test_a_template_is_no_project(tmp_path: Path) -> None:
    folder = tmp_path / "{{cookiecutter.slug}}"
    folder.mkdir()
    project(folder, FINE)
    assert not inspect(tmp_path).is_django


def test_only_development_settings_are_ambiguous(tmp_path: Path) -> None:
    project(tmp_path, FINE)
    (tmp_path / "a" / "settings.py").unlink()
    package = tmp_path / "a" / "settings"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "base.py").write_text(FINE)
    (package / "dev.py").write_text("from .base import *\nDEBUG = True\n")
    (tmp_path / "manage.py").write_text(MANAGE.replace("a.settings", "a.settings.dev"))
    assert inspect(tmp_path).ambiguous


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=400))
def test_no_settings_text_raises(tmp_path_factory: object, text: str) -> None:
    inspect(project(tmp_path_factory.mktemp("any"), FINE + text))  # type: ignore[attr-defined]


def test_no_text_that_a_database_or_a_terminal_refuses_comes_out(tmp_path: Path) -> None:
    reads = "import os\nA = os.environ.get('FOO', '\\ud800')\nB = os.environ.get('BAR', 'a\\0b')\n"
    project(tmp_path, FINE + reads)
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
    project(tmp_path, f"{FINE}{text}")
    begun = time.process_time()
    assert inspect(tmp_path).settings_module == "a.settings"
    assert time.process_time() - begun < 8
