"""Requirement files: what is followed, refused, left out and kept."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs import collection
from dz.tasklib.virtualenvs.local_packages import LocalPackage
from tests.unit.tasklib.detection.projects import write
from tests.unit.tasklib.virtualenvs.collecting import PYTHON, collect, lines_of


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
    ["--trusted-host x", "--pre", "--no-binary :all:", "--prefer-binary", "--use-feature=fast-deps"],
)
def test_options_for_how_packages_are_installed_are_left_out_with_a_warning(tmp_path, option):
    (tmp_path / "requirements.txt").write_text(f"{option}\nDjango\n")
    found = collect(tmp_path)
    assert found.lines == ["Django"]
    assert "requirements.txt:1" in found.warnings[0]


def test_the_same_package_twice_or_for_other_pythons_is_no_error(tmp_path):
    text = "Django==4.2\ndjango==4.2\nsix==1; python_version < '3'\nsix==2; python_version >= '3'\npsycopg[c]\npsycopg==3\n"
    assert lines_of(tmp_path, text) == ["Django==4.2", "psycopg[c]==3", "six==2"]


def test_the_project_itself_is_read_and_other_folders_are_installed(tmp_path):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["Django>=4"]\n')
    (tmp_path / "libs/tool").mkdir(parents=True)
    (tmp_path / "requirements.txt").write_text("-e .\n-e ./libs/tool\n")
    found = collect(tmp_path)
    assert (found.lines, found.local) == (["Django>=4"], [LocalPackage("libs/tool", editable=True)])
    with pytest.raises(InvalidRequirement, match="not in the repository"):
        lines_of(tmp_path, "-e ../elsewhere\n")


def test_uv_lock_is_exported(tmp_path):
    (tmp_path / "uv.lock").write_text("")
    found = collect(tmp_path, "uv.lock", export_lock=lambda folder, package: "django==5.0 \\\n    --hash=sha256:00\n")
    assert found.lines == ["django==5.0 --hash=sha256:00"]


@given(st.text(max_size=200))
@example("/\0")
@settings(max_examples=200)
def test_whatever_a_line_holds_it_is_kept_or_named(text):
    root = Path(__file__).parent
    collector = collection.Collector(root, PYTHON, None)
    try:
        collector.text(text, "requirements.txt", collection.PurePosixPath())
    except InvalidRequirement as error:
        assert "requirements.txt:" in error.found  # noqa: PT017
    else:
        assert all("\n" not in line and not line.startswith("-") for line in collector.result().lines)


def test_requirements_of_the_configuration_are_added_and_named_as_such(tmp_path):
    (tmp_path / "requirements.txt").write_text("Django\n")
    assert collect(tmp_path, extra=("six==1.17.0",)).lines == ["Django", "six==1.17.0"]
    with pytest.raises(InvalidRequirement, match=r"extra_requirements:2"):
        collect(tmp_path, extra=("six", "x = 1"))


WORKSPACE = {
    "pyproject.toml": '[tool.uv]\noverride-dependencies = ["idna==3", "pricing==9"]\nconstraint-dependencies = ["six<2"]\n'
    '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n',
    "apps/web/pyproject.toml": '[project]\nname = "web"\ndependencies = ["django", "pricing[fast]"]\n'
    "[tool.uv.sources]\npricing = { workspace = true }\n",
    "apps/web/manage.py": "",
    "libs/pricing/pyproject.toml": '[project]\nname = "pricing"\nversion = "0.1"\ndependencies = ["six", "tariffs", "http"]\n'
    '[project.optional-dependencies]\nfast = ["extra-rates"]\n'
    '[tool.uv.sources]\ntariffs = { workspace = true }\nhttp = { git = "https://example.org/http", rev = "abc" }\n',
    "libs/tariffs/pyproject.toml": '[project]\nname = "tariffs"\n',
    "libs/rates/pyproject.toml": '[project]\nname = "extra-rates"\n',
}
MEMBERS = [
    LocalPackage("libs/pricing", "pricing", ("fast",), editable=True),
    LocalPackage("libs/tariffs", "tariffs", editable=True),
    LocalPackage("libs/rates", "extra-rates"),
]


def test_members_of_a_workspace_are_followed_without_a_lock(tmp_path):
    found = collect(write(tmp_path, WORKSPACE), "apps/web/pyproject.toml", project_root="apps/web")
    assert found.local == MEMBERS
    assert found.lines == ["django", "http @ git+https://example.org/http@abc"]
    assert (found.overrides, found.constraints) == (["idna==3"], ["six<2"])
    assert found.own == ["extra-rates", "pricing", "tariffs", "web"]
    (warning,) = found.warnings
    assert "extra-rates is the folder libs/rates of the repository" in warning


def test_the_lock_of_a_workspace_is_exported_for_the_member_that_is_deployed(tmp_path):
    asked = []

    def export(folder, package):
        asked.append((folder, package))
        return "-e ./libs/pricing\n./libs/tariffs\nsix==1.17 --hash=sha256:00\n"

    root = write(tmp_path, {**WORKSPACE, "uv.lock": "", "apps/web/site1/__init__.py": ""})
    files = ("apps/web/pyproject.toml", "uv.lock")
    found = collect(root, *files, project_root="apps/web/site1", export_lock=export)
    assert asked == [(root, "web")]
    assert found.local == [
        LocalPackage("libs/pricing", "pricing", editable=True),
        LocalPackage("libs/tariffs", "tariffs"),
    ]
    assert found.lines == ["six==1.17 --hash=sha256:00"], "a lock says everything"
    collect(root, "uv.lock", export_lock=export)
    assert asked[1:] == [(root, None)]


@pytest.mark.parametrize("name", ["pricing", "Pricing[fast]>=0.1", "pricing ; python_version > '3'"])
def test_a_name_that_the_repository_defines_is_its_folder_wherever_it_is_listed(tmp_path, name):
    root = write(tmp_path, {**WORKSPACE, "requirements.txt": f"django\n{name}\n"})
    found = collect(root)
    assert next(one.path for one in found.local) == "libs/pricing"
    assert not any("pricing" in line for line in found.lines)
    assert "requirements.txt:2" in found.warnings[0]


def test_a_setup_py_is_read_and_installed_if_it_must_be_run(tmp_path):
    root = write(tmp_path, {"setup.py": "setup(name='web', install_requires=['django', 'six'])\n"})
    assert (collect(root, "setup.py").lines, collect(root, "setup.py").local) == (["django", "six"], [])
    write(root, {"setup.py": "setup(name='web', install_requires=read())\n"})
    assert collect(root, "setup.py").local == [LocalPackage(".", "web", editable=True)]


def test_the_projects_own_name_among_its_requirements_is_refused(tmp_path):
    root = write(tmp_path, {"pyproject.toml": '[project]\nname = "Django"\n', "requirements.txt": "django\nsix\n"})
    with pytest.raises(
        InvalidRequirement, match=r"requirements.txt:1 asks for django, which is the name of the project"
    ):
        collect(root)


def test_the_project_itself_in_the_version_that_it_has_is_not_installed_again(tmp_path):
    text = '[project]\nname = "shop"\nversion = "1.0"\n'
    found = collect(write(tmp_path, {"pyproject.toml": text, "requirements.txt": "django\nshop==1.0\n"}))
    assert (found.lines, found.local) == (["django"], [])
    assert found.warnings == ["requirements.txt:2: shop is the project itself; it was not installed again."]


def test_extras_of_the_project_itself_are_read(tmp_path):
    text = '[project]\nname = "web"\ndependencies = ["django"]\n[project.optional-dependencies]\nall = ["web[mail]"]\n'
    root = write(tmp_path, {"pyproject.toml": text + 'mail = ["anymail"]\n', "requirements.txt": "-e .[all]\n"})
    assert collect(root).lines == ["anymail", "django"]


def test_an_address_for_a_name_of_the_repository_is_kept(tmp_path):
    root = write(tmp_path, {**WORKSPACE, "requirements.txt": "tariffs @ git+https://example.org/tariffs@v1\n"})
    found = collect(root)
    assert (found.lines, found.local) == (["tariffs @ git+https://example.org/tariffs@v1"], [])
    assert "tariffs" not in found.own


TAX = {"libs/tax/setup.py": "", "requirements/notes/tax.txt": ""}


@pytest.mark.parametrize(
    "line", ["./libs/tax", "libs/tax", "-e ./libs/tax", "tax @ file:./libs/tax", "../libs/tax", "../../libs/tax"]
)
def test_a_relative_path_starts_where_pip_is_called_or_beside_its_file(tmp_path, line):
    files = {
        **TAX,
        "apps/web/requirements/base.txt": line,
        "apps/web/requirements.txt": "-r requirements/base.txt\n-e .\n",
    }
    root = write(tmp_path, {**files, "apps/web/setup.py": "", "apps/web/libs/readme": ""})
    found = collect(root, "apps/web/requirements.txt", project_root="apps/web")
    assert [one.path for one in found.local] == ["libs/tax", "apps/web"]


def test_a_path_with_a_marker_is_installed_where_the_marker_holds(tmp_path):
    text = "./libs/tax ; python_version < '3'\n./requirements/notes/tax.txt ; python_version > '3'\n"
    assert [one.path for one in collect(write(tmp_path, {**TAX, "requirements.txt": text})).local] == [
        "requirements/notes/tax.txt"
    ]
    with pytest.raises(InvalidRequirement, match="its marker is none"):
        lines_of(tmp_path, "./libs/tax ; what\n")


@pytest.mark.parametrize(
    "line", ["-e ./link", "x @ file:../../etc", "./libs/../../outside", "/etc", "file:///etc/passwd"]
)
def test_a_path_out_of_the_repository_is_refused_by_file_and_line(tmp_path, line):
    (tmp_path / "outside").mkdir()
    root = write(tmp_path / "root", {**TAX, "requirements.txt": f"django\n{line}\n"})
    (root / "link").symlink_to("../outside")
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:2.*not in the repository"):
        collect(root)


@pytest.mark.parametrize(
    "line", ["six @ http://10.0.0.1/six.whl", "six @ https://ann:s3cret@example.org/six.whl", "six =="]
)
def test_an_override_that_no_installer_may_follow_is_refused(tmp_path, line):
    told = '[project]\nname = "web"\ndependencies = ["django"]\n[tool.uv]\noverride-dependencies = ["{}"]\n'
    (tmp_path / "pyproject.toml").write_text(told.format(line))
    with pytest.raises(InvalidRequirement, match="pyproject") as caught:
        collect(tmp_path, "pyproject.toml")
    assert "s3cret" not in str(caught.value)
