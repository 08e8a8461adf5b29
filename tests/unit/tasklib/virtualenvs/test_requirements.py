"""Requirement lines: what is read, refused, replaced and added."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement

from dz.adapters.interpreters import Interpreter
from dz.errors import InvalidRequirement
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.virtualenvs import lockfiles, requirements, substitutions

PYTHON = Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))
PLAN = Plan(
    title="Site",
    source_code_url="https://example.org/site.git",
    project_root=".",
    django_settings_module="site1.settings",
    base_python_package="site1",
    wsgi="site1.wsgi:application",
    asgi=None,
    use_asgi=False,
    python_version=None,
    python_version_basis="",
    package_manager="pip",
    dependency_files=("requirements.txt",),
)


def collect(root, *files, extra=(), **kwargs):
    plan = dataclasses.replace(PLAN, dependency_files=files or ("requirements.txt",), extra_requirements=extra)
    return requirements.collect(plan, root, interpreter=PYTHON, **kwargs)


def lines_of(root, text):
    (root / "requirements.txt").write_text(text)
    return collect(root).lines


def completed(*lines, local=(), **changes):
    found = requirements.Requirements(list(lines), [], list(local), [])
    return substitutions.complete(found, dataclasses.replace(PLAN, **changes), PYTHON)


def test_comments_blank_lines_and_continued_lines(tmp_path):
    assert lines_of(tmp_path, "# all\n\nDjango==4.2 \\\n  --hash=sha256:00\nsix # small\n") == [
        "Django==4.2 --hash=sha256:00",
        "six",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_any_encoding_is_read(tmp_path, encoding):
    (tmp_path / "requirements.txt").write_bytes("# Bücher\r\nDjango==4.2\r\n".encode(encoding))
    assert collect(tmp_path).lines == ["Django==4.2"]


def test_included_files_and_constraints_are_followed_from_where_they_stand(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/base.txt").write_text("Django\n-c bounds.txt\n-r base.txt\n")
    (tmp_path / "requirements/bounds.txt").write_text("sqlparse<0.5\n")
    (tmp_path / "requirements.txt").write_text("-r requirements/base.txt\n--requirement=requirements/base.txt\nsix\n")
    found = collect(tmp_path)
    assert found.lines == ["Django", "six"]
    assert found.constraints == ["sqlparse<0.5"]


@pytest.mark.parametrize(
    "target", ["../outside.txt", "/etc/passwd", "link.txt", "https://example.org/r.txt", "gone.txt"]
)
def test_an_include_outside_the_repository_is_refused_by_file_and_line(tmp_path, target):
    (tmp_path / "outside.txt").write_text("canary==1\n")
    root = tmp_path / "repo"
    root.mkdir()
    (root / "link.txt").symlink_to("../outside.txt")
    (root / "requirements.txt").write_text(f"Django\n-r {target}\n")
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:2") as caught:
        collect(root)
    assert "canary" not in str(caught.value)


def test_variables_are_refused(tmp_path):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1.*variables"):
        lines_of(tmp_path, "x @ https://example.org/${PATH}/x.whl\n")


@pytest.mark.parametrize(
    "option",
    ["-i https://evil.example/", "--extra-index-url=https://evil.example/", "-f x", "--trusted-host x", "--pre"],
)
def test_options_that_choose_the_index_are_dropped_with_a_warning(tmp_path, option):
    (tmp_path / "requirements.txt").write_text(f"{option}\nDjango\n")
    found = collect(tmp_path)
    assert found.lines == ["Django"]
    assert "requirements.txt:1" in found.warnings[0]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("-e git+https://example.org/a.git@v1#egg=a", "a@ git+https://example.org/a.git@v1"),
        (
            "git+https://example.org/a.git@v1#egg=a&subdirectory=lib",
            "a@ git+https://example.org/a.git@v1#subdirectory=lib",
        ),
        ("https://example.org/a-1-py3-none-any.whl", "https://example.org/a-1-py3-none-any.whl"),
        ("a @ https://example.org/a-1.tar.gz", "a@ https://example.org/a-1.tar.gz"),
    ],
)
def test_https_addresses_are_kept(tmp_path, line, wanted):
    (found,) = lines_of(tmp_path, line + "\n")
    assert found.replace(" @", "@") == wanted


@pytest.mark.parametrize(
    "line",
    [
        "git+ssh://git@example.org/a.git#egg=a",
        "git+git://example.org/a#egg=a",
        "hg+https://example.org/a#egg=a",
        "a @ file:///etc/passwd",
        "a @ https://user:s3cret@example.org/a.whl",
        "git+https://s3cret@example.org/a.git",
        "git@example.org:a/s3cret.git",
        "a @ http://example.org/a.whl",
    ],
)
def test_other_addresses_are_refused_without_their_secrets(tmp_path, line):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1") as caught:
        lines_of(tmp_path, line + "\n")
    assert "s3cret" not in str(caught.value)


def test_an_invalid_line_is_named(tmp_path):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:2: 'Django = 4'"):
        lines_of(tmp_path, "six\nDjango = 4\n")


def test_one_package_with_two_versions_is_an_error_naming_both_places(tmp_path):
    with pytest.raises(InvalidRequirement, match=r"django is listed twice.*requirements\.txt:1.*requirements\.txt:3"):
        lines_of(tmp_path, "Django==4.2\nsix\ndjango==5.0\n")


def test_the_same_package_twice_or_for_other_pythons_is_no_error(tmp_path):
    text = "Django==4.2\ndjango==4.2\nsix==1; python_version < '3'\nsix==2; python_version >= '3'\npsycopg[c]\npsycopg==3\n"
    assert lines_of(tmp_path, text) == ["Django==4.2", "psycopg[c]==3", "six==2"]


def test_the_project_itself_is_read_and_other_folders_are_installed(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["Django>=4"]\n')
    (tmp_path / "libs/tool").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("-e .\n-e ./libs/tool\n")
    found = collect(tmp_path)
    assert (found.lines, found.local) == (["Django>=4"], ["libs/tool"])
    with pytest.raises(InvalidRequirement, match="not in the repository"):
        lines_of(tmp_path, "-e ../elsewhere\n")


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


def test_uv_lock_is_exported(tmp_path):
    (tmp_path / "uv.lock").write_text("")
    found = collect(tmp_path, "uv.lock", export_lock=lambda folder: "django==5.0 \\\n    --hash=sha256:00\n")
    assert found.lines == ["django==5.0 --hash=sha256:00"]


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


def test_a_server_and_a_driver_are_added_with_warnings():
    found = completed("Django==5.1")
    assert found.lines == ["Django==5.1", "gunicorn", "psycopg[binary]", "setuptools<81"]
    assert len(found.warnings) == 2
    assert completed("Django==5.1", use_asgi=True).lines[-2:] == ["uvicorn", "uvicorn-worker"]


def test_what_every_virtualenv_had_before_python_3_12_is_there_still():
    assert "setuptools<81" in completed("Django==4.0.3", "gunicorn==20.1.0", "psycopg2-binary").lines
    own = completed("Django==4.0.3", "gunicorn", "psycopg2-binary", "setuptools==65.5")
    assert [line for line in own.lines if line.startswith("setuptools")] == ["setuptools==65.5"]


@pytest.mark.parametrize(
    ("django", "driver"),
    [
        ("Django==2.2.28", "psycopg2-binary"),
        ("Django~=3.2", "psycopg2-binary"),
        ("Django>=3.2,<4", "psycopg2-binary"),
        ("Django==4.2.16", "psycopg[binary]"),
        ("Django", "psycopg[binary]"),
    ],
)
def test_the_driver_fits_the_version_of_django(django, driver):
    assert driver in completed(django).lines


def test_psycopg2_is_taken_as_a_wheel_of_the_same_version():
    found = completed("Django==4.2", "gunicorn", "psycopg2==2.9.9 --hash=sha256:00")
    assert found.lines == ["Django==4.2", "gunicorn", "psycopg2-binary==2.9.9", "setuptools<81"]
    assert "psycopg2-binary==2.9.9" in found.warnings[0]
    assert (
        completed("Django==4.2", "gunicorn", "psycopg2", "psycopg2-binary==2.9.9").lines[-2] == "psycopg2-binary==2.9.9"
    )


@pytest.mark.parametrize("line", ["psycopg2==2.8.6", "psycopg2-binary==2.8.6", "psycopg2-binary==2.9.1"])
def test_a_driver_without_a_wheel_for_this_python_is_taken_newer(line):
    found = completed("Django==2.2", "gunicorn", line)
    assert "psycopg2-binary>=2.9.5,<3" in found.lines
    assert "no wheel for Python 3.11" in found.warnings[0]


def test_no_django_among_the_requirements_is_an_error_and_no_list_at_all_is_not():
    with pytest.raises(InvalidRequirement, match="no Django"):
        completed("flask")
    found = completed(dependency_files=())
    assert "django" in found.lines
    assert "No list of dependencies" in found.warnings[0]


@given(st.text(max_size=200))
@example("/\0")
@settings(max_examples=200)
def test_whatever_a_line_holds_it_is_kept_or_named(text):
    root = Path(__file__).parent
    collector = requirements._Collector(root, PYTHON, None)
    try:
        collector.text(text, "requirements.txt", requirements.PurePosixPath())
    except InvalidRequirement as error:
        assert "requirements.txt:" in error.found  # noqa: PT017
    else:
        assert all("\n" not in line and not line.startswith("-") for line in collector.result().lines)


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
