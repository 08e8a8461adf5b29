"""uv's workspaces: which folders belong together."""

from pathlib import Path

import pytest

from dz.tasklib.detection import inspect, workspaces
from dz.tasklib.detection.workspaces import Workspace
from tests.unit.tasklib.detection.projects import MANAGE, SETTINGS, tree, write

ROOT = '[tool.uv.workspace]\nmembers = ["apps/*", "./libs/**"]\nexclude = ["libs/old*"]\n'
FILES = {
    "pyproject.toml": ROOT,
    **{
        f"{folder}/pyproject.toml": ""
        for folder in ("apps/web", "apps/web/deep", "libs/a", "libs/b/c", "libs/old", "x")
    },
}


def test_members_are_globs_of_folders_without_those_excluded(tmp_path: Path) -> None:
    everything = Workspace("", ("", "apps/web", "libs/a", "libs/b/c"))
    found = tree(tmp_path, FILES)
    assert (
        workspaces.of(found, "") == workspaces.of(found, "apps/web") == workspaces.of(found, "libs/b/c") == everything
    )
    assert [workspaces.of(found, folder) for folder in ("x", "libs/old", "apps/web/deep")] == [None, None, None]


def test_a_workspace_may_lie_deep_and_an_odd_one_has_its_root_alone(tmp_path: Path) -> None:
    files = {"py/pyproject.toml": '[tool.uv.workspace]\nmembers = ["[ab]?"]\n', "py/a1/pyproject.toml": ""}
    found = tree(
        tmp_path, {**files, "pyproject.toml": "[tool.uv.workspace]\nmembers = 3\n", "py/c1/pyproject.toml": ""}
    )
    assert workspaces.of(found, "py/a1") == Workspace("py", ("py", "py/a1"))
    assert workspaces.of(found, "py/c1") is None
    assert workspaces.of(found, "") == Workspace("", ("",))


@pytest.mark.parametrize("lock", [True, False])
def test_the_lock_of_a_workspace_lies_above_its_member(tmp_path: Path, *, lock: bool) -> None:
    member = '[project]\nname = "web"\ndependencies = ["django"]\n[tool.uv.sources]\na = { workspace = true }\n'
    site = {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": SETTINGS, "pyproject.toml": member}
    files = {**FILES, **{f"apps/web/{name}": text for name, text in site.items()}, **({"uv.lock": ""} if lock else {})}
    found = inspect(write(tmp_path, files))
    assert (found.project_root, found.package_manager) == ("apps/web", "uv")
    assert found.dependency_files == (("apps/web/pyproject.toml", "uv.lock") if lock else ("apps/web/pyproject.toml",))
