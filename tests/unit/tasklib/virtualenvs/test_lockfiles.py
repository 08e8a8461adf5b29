"""Lock files of today's package managers, read without running them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import default_environment
from packaging.requirements import Requirement

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs import lockfiles
from tests.unit.tasklib.virtualenvs.collecting import collect


def test_poetry_locks_without_groups_are_followed_from_pyproject(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry.dependencies]\npython = "^3.8"\nDjango = "^4.2"\n[tool.poetry.dev-dependencies]\npytest = "*"\n'
    )
    (tmp_path / "poetry.lock").write_text(
        '[[package]]\nname = "django"\nversion = "4.2.1"\n[package.dependencies]\nsqlparse = ">=0.3"\n'
        'tzdata = {version = "*", markers = "sys_platform == \\"win32\\""}\n'
        '[[package]]\nname = "sqlparse"\nversion = "0.4"\n[[package]]\nname = "tzdata"\nversion = "1"\n'
        '[[package]]\nname = "pytest"\nversion = "8"\n'
    )
    assert collect(tmp_path, "poetry.lock", "pyproject.toml").lines == ["django==4.2.1", "sqlparse==0.4"]


def test_poetry_locks_with_groups_give_what_is_needed_to_run(tmp_path):
    (tmp_path / "poetry.lock").write_text(
        '[[package]]\nname = "django"\nversion = "5.0"\ngroups = ["main", "dev"]\n'
        '[[package]]\nname = "colorama"\nversion = "1"\ngroups = ["main"]\nmarkers = "sys_platform == \\"win32\\""\n'
        '[[package]]\nname = "black"\nversion = "1"\ngroups = ["dev"]\n'
        '[[package]]\nname = "lib"\nversion = "1"\ngroups = ["main"]\n[package.source]\ntype = "git"\n'
        'url = "https://example.org/lib.git"\nresolved_reference = "abc"\n'
    )
    found = collect(tmp_path, "poetry.lock").lines
    assert found == ["django==5.0", "lib @ git+https://example.org/lib.git@abc"]


def test_pipfile_lock_gives_its_default_section(tmp_path):
    lock = {
        "default": {"django": {"version": "==4.2", "markers": "python_version >= '3.8'", "extras": ["argon2"]}},
        "develop": {"pytest": {"version": "==8"}},
    }
    (tmp_path / "Pipfile.lock").write_text(json.dumps(lock))
    (tmp_path / "Pipfile").write_text('[packages]\ndjango = "*"\n')
    assert collect(tmp_path, "Pipfile", "Pipfile.lock").lines == ["django[argon2]==4.2"]


@pytest.mark.parametrize("name", ["poetry.lock", "Pipfile.lock", "pyproject.toml", "Pipfile", "pdm.lock"])
def test_a_broken_lock_is_named(tmp_path, name):
    (tmp_path / name).write_text("<<<<<<< HEAD\n")
    with pytest.raises(InvalidRequirement, match=name):
        collect(tmp_path, name)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("^4.2", "django>=4.2,<5"),
        ("^0.3.1", "django>=0.3.1,<0.4"),
        ("~4.2.1", "django>=4.2.1,<4.3"),
        ("~=4.2", "django~=4.2"),
        ("4.2.*", "django==4.2.*"),
        ("*", "django"),
        (">=3,<5", "django>=3,<5"),
        ("4.2", "django==4.2"),
    ],
)
def test_poetrys_versions_are_translated(tmp_path, spec, wanted):
    (tmp_path / "pyproject.toml").write_text(f'[tool.poetry.dependencies]\npython = "*"\ndjango = "{spec}"\n')
    (line,) = collect(tmp_path, "pyproject.toml").lines
    assert Requirement(line) == Requirement(wanted)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["default", "name", "version", "git", "extras", "x"]), inner, max_size=3)
        ),
        max_leaves=10,
    )
)
@settings(max_examples=100, deadline=None)
def test_a_lock_of_any_form_is_read_or_named(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "Pipfile.lock"
    path.write_text(json.dumps(value))
    try:
        assert all(isinstance(line, str) for line in lockfiles.read(path, "Pipfile.lock", {}))
    except InvalidRequirement as error:
        assert "Pipfile.lock" in error.found  # noqa: PT017


def test_pdm_lock_gives_its_default_group(tmp_path):
    (tmp_path / "pdm.lock").write_text(
        '[[package]]\nname = "django"\nversion = "5.0"\ngroups = ["default", "dev"]\nextras = ["argon2"]\n'
        '[[package]]\nname = "six"\nversion = "1"\nmarker = "python_version < \\"3\\""\n'
        '[[package]]\nname = "black"\nversion = "1"\ngroups = ["dev"]\n'
        '[[package]]\nname = "lib"\nversion = "1"\ngit = "ssh://git@example.org/me/lib.git"\nrevision = "abc"\n'
        'subdirectory = "py"\n[[package]]\nname = "own"\nversion = "1"\npath = "./own"\n'
    )
    assert lockfiles.read(tmp_path / "pdm.lock", "pdm.lock", {}) == [
        "django[argon2]==5.0",
        'six==1 ; python_version < "3"',
        "lib @ git+https://example.org/me/lib.git@abc#subdirectory=py",
        "./own",
    ]


def test_what_is_written_by_hand_for_poetry_is_read(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        "[tool.poetry.dependencies]\n"
        'python = "^3.9"\n'
        'django = {version = "^4.2", extras = ["argon2"], python = ">=3.8"}\n'
        'tool = {git = "https://example.org/tool.git", tag = "v1", markers = "sys_platform == \'linux\'"}\n'
        'own = {path = "libs/own"}\n'
        'wheel = {url = "https://example.org/w.whl"}\n'
        'later = {version = "1", optional = true}\n'
        'six = [{version = "1.0", python = "<3"}, {version = "2.0", python = ">=3"}]\n'
    )
    assert lockfiles.read(tmp_path / "pyproject.toml", "pyproject.toml", {}) == [
        "django[argon2]>=4.2,<5 ; python_version >= '3.8'",
        "tool @ git+https://example.org/tool.git@v1 ; sys_platform == 'linux'",
        "./libs/own",
        "wheel @ https://example.org/w.whl",
        "six==1.0 ; python_version < '3'",
        "six==2.0 ; python_version >= '3'",
    ]


def test_dependencies_of_the_standard_win_over_those_of_poetry(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["django>=5"]\n[tool.poetry.dependencies]\ndjango = "^4"\n')
    assert lockfiles.read(project, "pyproject.toml", {}) == ["django>=5"]
    assert lockfiles.is_static(project)
    project.write_text('[project]\ndynamic = ["dependencies"]\n')
    assert not lockfiles.is_static(project)
    project.write_text("<<<<<<< HEAD\n")
    assert not lockfiles.is_static(project)
    project.unlink()
    assert not lockfiles.is_static(project)


def test_poetrys_table_says_where_dependencies_of_the_standard_come_from(tmp_path):
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\ndependencies = ["django (>=5)", "Tax[a]", "lib"]\n[tool.poetry.dependencies]\n'
        'tax = { path = "../tax", develop = true }\nlib = { git = "https://example.org/lib.git", branch = "main" }\n'
        'django = { version = "^5", extras = ["argon2"] }\n'
        '[tool.poetry.group.dev.dependencies]\npytest = "*"\n[tool.poetry.group.web.dependencies]\n'
        'pay = { path = "pay" }\n[tool.poetry.group.gpu]\noptional = true\n[tool.poetry.group.gpu.dependencies]\ncuda = "1"\n'
    )
    assert lockfiles.read(project, "pyproject.toml", {}) == [
        "django (>=5)",
        "-e ./../tax[a]",
        "lib @ git+https://example.org/lib.git@main",
        "./pay",
    ]


def test_groups_that_a_deploy_installs_are_read(tmp_path):
    project = tmp_path / "pyproject.toml"
    groups = (
        '[dependency-groups]\nprod = ["sentry-sdk", { include-group = "Mail" }]\nmail = ["anymail"]\ndev = ["ruff"]\n'
    )
    project.write_text('[project]\ndependencies = ["django"]\n' + groups)
    assert lockfiles.read(project, "pyproject.toml", {}) == ["django"]
    project.write_text(project.read_text() + '[tool.uv]\ndefault-groups = ["dev", "prod"]\n')
    assert lockfiles.read(project, "pyproject.toml", {}) == ["django", "sentry-sdk", "anymail"]
    project.write_text(groups)
    assert sorted(lockfiles.read(project, "pyproject.toml", {})) == ["anymail", "sentry-sdk"]


def test_poetry_lock_keeps_folders_files_and_groups(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.poetry.group.web.dependencies]\npay = { path = 'pay' }\n")
    (tmp_path / "poetry.lock").write_text(
        '[[package]]\nname = "tax"\nversion = "1"\ngroups = ["main"]\ndevelop = true\n[package.source]\n'
        'type = "directory"\nurl = "../tax"\n'
        '[[package]]\nname = "pay"\nversion = "1"\ngroups = ["web", "dev"]\nmarkers = {web = "python_version > \'3\'", dev = "x"}\n'
        '[package.source]\ntype = "file"\nurl = "dist/pay.whl"\n'
        '[[package]]\nname = "u"\nversion = "1"\ngroups = ["main"]\n[package.source]\ntype = "url"\nurl = "https://e.org/u.whl"\n'
        '[[package]]\nname = "black"\nversion = "1"\ngroups = ["dev"]\n'
    )
    assert lockfiles.read(tmp_path / "poetry.lock", "poetry.lock", {}) == [
        "-e ./../tax",
        "./dist/pay.whl ; (python_version > '3')",
        "u @ https://e.org/u.whl",
    ]


def test_pipenv_and_pdm_keep_folders_and_whether_they_are_editable(tmp_path):
    lock = {
        "tax": {"path": "./libs/tax", "editable": True, "extras": ["a"]},
        "pay": {"path": "libs/pay", "markers": "python_version > '3'"},
        "wheel": {"file": "dist/w.whl"},
        "far": {"file": "https://e.org/f.whl"},
    }
    (tmp_path / "Pipfile.lock").write_text(json.dumps({"default": lock}))
    assert lockfiles.read(tmp_path / "Pipfile.lock", "Pipfile.lock", {}) == [
        "-e ./libs/tax[a]",
        "./libs/pay ; python_version > '3'",
        "./dist/w.whl",
        "far @ https://e.org/f.whl",
    ]
    (tmp_path / "Pipfile").write_text(
        '[packages]\ntax = { path = "./libs/tax", editable = true }\nw = { file = "w.whl" }\n'
    )
    assert lockfiles.read(tmp_path / "Pipfile", "Pipfile", {}) == ["-e ./libs/tax", "./w.whl"]
    (tmp_path / "pdm.lock").write_text(
        '[[package]]\nname = "tax"\nversion = "1"\npath = "./libs/tax"\neditable = true\n'
    )
    assert lockfiles.read(tmp_path / "pdm.lock", "pdm.lock", {}) == ["-e ./libs/tax"]


def test_the_lock_of_the_standard_is_read_with_its_default_groups(tmp_path):
    path = tmp_path / "pylock.toml"
    path.write_text(
        'lock-version = "1.0"\ncreated-by = "pip"\ndefault-groups = ["web"]\n'
        '[[packages]]\nname = "django"\nversion = "5.2"\nwheels = [{ url = "https://e.org/d.whl", hashes = { sha256 = "00" } }]\n'
        '[packages.sdist]\nurl = "https://e.org/d.tar.gz"\nhashes = { sha256 = "11" }\n'
        '[[packages]]\nname = "tax"\ndirectory = { path = "libs/tax", editable = true }\n'
        '[[packages]]\nname = "lib"\nmarker = "\'web\' in dependency_groups"\n'
        'vcs = { type = "git", url = "https://e.org/lib", commit-id = "abc", subdirectory = "py" }\n'
        '[[packages]]\nname = "pay"\narchive = { path = "dist/pay.zip", hashes = { sha256 = "00" } }\n'
        '[[packages]]\nname = "black"\nversion = "1"\nmarker = "\'dev\' in dependency_groups"\n'
    )
    assert lockfiles.read(path, "pylock.toml", dict(default_environment())) == [
        "django==5.2 --hash=sha256:00 --hash=sha256:11",
        "-e ./libs/tax",
        "lib @ git+https://e.org/lib@abc#subdirectory=py",
        "./dist/pay.zip",
    ]
    path.write_text('[[packages]]\nname = "lib"\nvcs = { type = "hg", url = "https://e.org/l", commit-id = "a" }\n')
    with pytest.raises(InvalidRequirement, match="lib comes from hg"):
        lockfiles.read(path, "pylock.toml", {})
