import subprocess
from pathlib import Path

import pytest

from bench.projects import SIZES, TOGGLED, Project, write_files

DIRECT = {"tiny": 3, "middle": 26, "large": 90}
PINS = Path(__file__).parents[3] / "bench" / "pins"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", SIZES)
def test_a_project_is_the_same_bytes_each_time(size: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_files(size, tmp_path / name)
    first = contents(tmp_path / "one")
    assert first == contents(tmp_path / "two")
    assert {"manage.py", "requirements.txt", "library/settings.py", "books/static/books/site.css"} <= set(first)
    for name, text in first.items():
        if name.endswith(".py"):
            compile(text, name, "exec")


@pytest.mark.parametrize("size", SIZES)
def test_a_project_lists_as_many_dependencies_as_its_size_promises_all_pinned(size: str) -> None:
    direct = (PINS / f"{size}.in").read_text().split("\n")
    assert len([line for line in direct if line]) == DIRECT[size]
    pinned = (PINS / f"{size}.txt").read_text().splitlines()
    assert all("==" in line for line in pinned)
    assert f"{TOGGLED[0]}=={TOGGLED[1]}" in pinned


def test_commits_are_deterministic_and_change_only_what_their_case_is_about(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        project = Project("tiny", tmp_path / name / "work", tmp_path / name / "bare.git")
        project.create()
        assert project.version == "tiny-1"
        project.commit()
        project.change_dependency()
        made.append(project)
    logs = [_git(project.bare, "log", "--format=%H %s", "main") for project in made]
    assert logs[0] == logs[1]
    assert [line.split()[1] for line in logs[0].splitlines()] == ["tiny-3", "tiny-2", "tiny-1"]
    changed = [_git(made[0].bare, "diff", "--name-only", f"main~{n}", f"main~{n - 1}").split() for n in (2, 1)]
    assert changed == [["library/version.py"], ["library/version.py", "requirements.txt"]]
    difference = _git(made[0].bare, "diff", "-U0", "main~1", "main", "--", "requirements.txt").splitlines()[5:]
    assert difference == [f"-{TOGGLED[0]}=={TOGGLED[1]}", f"+{TOGGLED[0]}=={TOGGLED[2]}"]


def _git(repository: Path, *words: str) -> str:
    argv = ["git", "-c", "safe.directory=*", "-C", str(repository), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
