"""`[tool.uv.sources]`: each kind becomes the line that says the same."""

from pathlib import Path

import pytest

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs import sources
from dz.tasklib.virtualenvs.own_packages import OwnPackages
from tests.unit.tasklib.detection.projects import tree

ENVIRONMENT = {"sys_platform": "linux", "python_version": "3.11", "extra": ""}
MEMBER = '[project]\nname = "web"\n[tool.uv.sources]\n'
FILES = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["apps/*", "libs/*"]\n[tool.uv]\noverride-dependencies = ["a==1"]\n'
    'constraint-dependencies = ["b<2"]\n[tool.uv.sources]\nshared = { path = "libs/shared" }\npricing = { url = "x" }\n',
    "libs/pricing/pyproject.toml": '[project]\nname = "pricing"\n',
}


@pytest.mark.parametrize(
    ("source", "line", "wanted"),
    [
        ("Pricing = { workspace = true }", "pricing[b,a]>=1", "-e ./../../libs/pricing[a,b]"),
        ("pricing = { workspace = true, editable = false }", "pricing", "./../../libs/pricing"),
        ("pricing = { workspace = false }", "pricing", "pricing"),
        ('x = { path = "../../vendor/x" }', "x", "./../../vendor/x"),
        ('x = { path = "vendor/x.whl", editable = true }', "x", "-e ./vendor/x.whl"),
        ("", "shared", "./../../libs/shared"),
        ('x = { git = "https://e.org/x", tag = "v1", subdirectory = "py" }', "x[y]>1", "x[y] @ git+https://e.org/x@v1#subdirectory=py"),
        ('x = { git = "ssh://git@e.org/x", rev = "abc" }', "x", "x @ git+https://e.org/x@abc"),
        ('x = { url = "https://e.org/x.zip", subdirectory = "py" }', "x", "x @ https://e.org/x.zip#subdirectory=py"),
        ('x = { index = "mine" }', "x>=1", "x>=1"),
        ('x = [{ path = "w", marker = "sys_platform == \'win32\'" }, { path = "l" }]', "x", "./l"),
        ('x = { path = "w", marker = "sys_platform == \'win32\'" }', "x>=1", "x>=1"),
        ('x = [{ path = "w", extra = "gpu" }, { path = "g", group = "dev" }]', "x", "x"),
        ("", "other @ https://e.org/o.whl", "other @ https://e.org/o.whl"),
        ("", "not a line", "not a line"),
    ],
)  # fmt: skip
def test_a_source_is_the_line_that_says_the_same(tmp_path: Path, source: str, line: str, wanted: str) -> None:
    found = tree(tmp_path, {**FILES, "apps/web/pyproject.toml": MEMBER + source})
    told = sources.of(found, "apps/web")
    assert list(told.lines(line, OwnPackages(found, "apps/web"), ENVIRONMENT)) == [wanted]
    assert (told.overrides, told.constraints) == (("a==1",), ("b<2",))


def test_a_dependency_that_another_system_needs_is_left_out(tmp_path: Path) -> None:
    found = tree(tmp_path, {"pyproject.toml": MEMBER + 'x = { path = "x" }'})
    assert not list(sources.of(found, "").lines("x ; sys_platform == 'win32'", OwnPackages(found, ""), ENVIRONMENT))


@pytest.mark.parametrize(
    ("source", "reason"),
    [("gone = { path = '../../../gone' }", "takes gone from ../../../gone, which lies outside"), ("gone = { workspace = true }", "no member of the workspace is called gone"), ("gone = { svn = 'x' }", "unknown kind: svn")],
)  # fmt: skip
def test_a_source_that_cannot_be_honoured_is_refused_by_name(tmp_path: Path, source: str, reason: str) -> None:
    files = {**FILES, "apps/web/pyproject.toml": MEMBER + source, "attic/pyproject.toml": '[project]\nname = "gone"\n'}
    found = tree(tmp_path, files)
    with pytest.raises(InvalidRequirement, match=reason) as caught:
        list(sources.of(found, "apps/web").lines("gone", OwnPackages(found, "apps/web"), ENVIRONMENT))
    assert "apps/web/pyproject.toml" in caught.value.found
