"""Virtualenvs of real projects, made with the real installer."""

import pwd
import subprocess
from pathlib import Path

import pytest

from dz.adapters.installer import UvInstaller
from dz.errors import (
    DependencyBuildFailed,
    DependencyNotFound,
    InvalidRequirement,
    MissingEnvironment,
    NoMatchingPython,
    ServiceUnavailable,
    WrongPlatform,
)
from dz.tasklib.virtualenvs import virtualenvs
from tests.integration.django_projects import PLAN, USER, make_project


def test_an_environment_has_django_a_server_and_a_driver_and_is_made_once(built, build_server, sandbox, python):
    assert built.program.exists()
    assert (built.path / "bin" / "gunicorn").exists()
    assert any("gunicorn was added" in warning for warning in built.warnings)
    assert list(built.path.glob("lib/python*/site-packages/django/__pycache__/__init__.*.pyc"))
    if USER:
        [package] = built.path.glob("lib/python*/site-packages/django")
        assert (built.path.stat().st_uid, package.stat().st_uid) == (0, 0), "its user could lead root elsewhere"
        assert (package / "__init__.py").stat().st_uid == pwd.getpwnam(USER).pw_uid
    again = virtualenvs.create(
        PLAN,
        make_project(build_server / "shared"),
        folder=build_server / "envs",
        interpreter=python,
        installer=UvInstaller(index_url="http://127.0.0.1:9/"),
        sandbox=sandbox,
    )
    assert again.reused
    assert again.path == built.path
    assert not list((build_server / "envs").glob(".new-*"))


def test_bytecode_survives_times_set_to_zero(built):
    code = next(built.path.glob("lib/python*/site-packages/django/__pycache__/__init__.*.pyc")).read_bytes()
    assert int.from_bytes(code[4:8], "little") == 1


@pytest.mark.parametrize(
    ("line", "index", "error", "text"),
    [
        ("Django==99.1", None, DependencyNotFound, "django"),
        ("Django==4.2.16\nno-such-package-zzqq==1", None, DependencyNotFound, "no-such-package-zzqq"),
        ("Django==4.2.16\npython-ldap==3.4.4", None, DependencyBuildFailed, "python-ldap==3.4.4"),
        ("Django==6.0", None, NoMatchingPython, "3.12"),
        ("Django==4.2.16", "http://127.0.0.1:9/", ServiceUnavailable, "index"),
        ("Django==4.2.16\nx @ https://10.0.0.5/x.whl", None, InvalidRequirement, "not a public one"),
        ("Django==4.2.16\nx @ git+https://${TOKEN}@github.com/a/x", None, MissingEnvironment, "TOKEN"),
    ],
)
def test_a_dependency_that_cannot_be_installed_is_named(
    build_server, sandbox, python, open_folder, line, index, error, text
):
    if error is NoMatchingPython and python.version >= (3, 12):
        pytest.skip("this Python is new enough")
    if error is DependencyBuildFailed and Path("/usr/include/ldap.h").exists():
        pytest.skip("python-ldap builds here")
    checkout = make_project(open_folder / "src", **{"requirements.txt": line + "\n"})
    folder = build_server / ("envs" if index is None else "envs-fresh")
    with pytest.raises(error) as caught:
        virtualenvs.create(
            PLAN, checkout, folder=folder, interpreter=python, installer=UvInstaller(index_url=index), sandbox=sandbox
        )
    assert text in caught.value.found
    assert not list(folder.glob(".new-*"))


def test_a_folder_of_the_repository_is_installed_from_a_copy(build_server, sandbox, python, open_folder):
    project = '[project]\nname = "own-tool"\nversion = "1"\n[tool.setuptools]\npy-modules = ["own_tool"]\n'
    files = {"libs/tool/pyproject.toml": project, "libs/tool/own_tool.py": "X = 1\n"}
    listed = {"requirements.txt": "Django==4.2.16\ngunicorn\npsycopg2-binary\n-e ./libs/tool\n"}
    checkout = make_project(open_folder / "src", **files, **listed)
    made = virtualenvs.create(
        PLAN,
        checkout,
        folder=build_server / "envs",
        interpreter=python,
        installer=UvInstaller(),
        sandbox=sandbox,
        bytecode=False,
    )
    run = subprocess.run(
        [made.program, "-c", "import own_tool; print(own_tool.__file__)"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith(str(made.path)), "not a link into the checkout"
    assert sorted(path.name for path in (open_folder / "src/libs/tool").iterdir()) == ["own_tool.py", "pyproject.toml"]


def test_what_only_windows_has_is_left_out_and_found_only_once(build_server, sandbox, python, open_folder):
    listed = {"requirements.txt": "Django==4.2.16\npsycopg2-binary\ngunicorn\npywin32==306\nPyAudioWPatch==0.2.12.7\n"}
    checkout = make_project(open_folder / "src", **listed)

    def create(index):
        return virtualenvs.create(
            PLAN,
            checkout,
            folder=build_server / "envs",
            interpreter=python,
            installer=UvInstaller(index_url=index),
            sandbox=sandbox,
            bytecode=False,
        )

    made = create(None)
    (warning,) = [text for text in made.warnings if "Windows or macOS" in text]
    assert "PyAudioWPatch==0.2.12.7" in warning
    assert "pywin32==306" in warning
    again = create("http://127.0.0.1:9/")
    assert (again.reused, again.warnings) == (True, made.warnings)


def test_a_package_of_windows_that_another_one_needs_is_named(build_server, sandbox, python, open_folder):
    tool = '[project]\nname = "own-tool"\nversion = "1"\ndependencies = ["pyaudiowpatch"]\n[tool.setuptools]\npackages = []\n'
    listed = {"requirements.txt": "Django==4.2.16\n./libs/tool\n", "libs/tool/pyproject.toml": tool}
    checkout = make_project(open_folder / "src", **listed)
    with pytest.raises(WrongPlatform, match="pyaudiowpatch"):
        virtualenvs.create(
            PLAN,
            checkout,
            folder=build_server / "envs",
            interpreter=python,
            installer=UvInstaller(),
            sandbox=sandbox,
        )
