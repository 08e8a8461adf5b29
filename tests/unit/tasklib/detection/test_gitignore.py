"""What git leaves out of a repository: the same as `git check-ignore` says."""

import subprocess
from pathlib import Path

import pytest

from dz.tasklib.detection import gitignore
from tests.unit.tasklib.detection.projects import tree

PATTERNS = (
    "*.css\n/build\ndist/\ndocs/**/made\nstatic/css/out.js\n!kept.css\n# no\na?c\n[!x]y\n**/deep/*.js\n\\#odd\nall/**\n"
)


@pytest.mark.parametrize(
    "path",
    [
        "site.css", "a/b/site.css", "kept.css", "build/x", "sub/build/x", "dist/a.js", "sub/dist/a.js", "dist", "docs/a/b/made", "docs/made",
        "static/css/out.js", "x/static/css/out.js", "abc", "q/abc", "zy", "xy", "a/deep/b.js", "a/deep/c/b.js", "all/x", "sub/inner.txt", "other.js",
    ],
)  # fmt: skip
def test_it_is_what_git_says(tmp_path: Path, path: str) -> None:
    found = tree(tmp_path, {".gitignore": PATTERNS, "sub/.gitignore": "inner.txt\n"})
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    said = subprocess.run(["git", "-C", str(tmp_path), "check-ignore", "--quiet", path], check=False).returncode == 0
    assert gitignore.ignored(found, path) == said


def test_nonsense_ignores_nothing(tmp_path: Path) -> None:
    assert not gitignore.ignored(tree(tmp_path, {".gitignore": "[z-a]\n[\n\n"}), "z")
