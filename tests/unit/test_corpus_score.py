"""The runner that counts how often the inspection is right can itself say no."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.corpus import score

ROOT = Path(__file__).parents[2]
PROJECTS = ROOT / "tests" / "projects"
ANSWERS = {
    "is_django": True,
    "project_root": ".",
    "settings_module": "mysite.settings",
    "wsgi": "mysite.wsgi",
    "dependency_files": ["./requirements.txt"],
    "package_manager": "pip",
    "python_version": None,
    "django_version": ">=5.2 (requirements.txt)",
    "database": "any",
    "database_ok": ["sqlite"],
    "env_required": [],
}


def test_right_answers_in_any_form_count_as_right() -> None:
    assert score.judge("a/b", ANSWERS, PROJECTS / "sqlite_single").wrong == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [("settings_module", "mysite.prod"), ("dependency_files", []), ("wsgi", "other.wsgi"), ("env_required", ["KEY"])],
)
def test_a_wrong_answer_is_counted(name: str, value: object) -> None:
    verdict = score.judge("a/b", {**ANSWERS, name: value}, PROJECTS / "sqlite_single")
    assert set(verdict.wrong) == {"entry_point" if name == "wsgi" else name}
    assert verdict.misleads == (name == "settings_module")


def test_a_set_is_scored_from_work_trees_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "some+site").symlink_to(PROJECTS / "sqlite_single")
    entries = [
        {"repo": "some/site", "commit": "0" * 40, "expect": {**ANSWERS, "settings_module": "mysite.prod"}},
        {"repo": "not/there", "commit": "0" * 40, "expect": ANSWERS},
    ]
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps(entries))
    command = [sys.executable, "-m", "tests.corpus.score", str(answers), "--trees", str(tmp_path), "--offline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 1
    assert "wrong and sure       1 some/site" in done.stdout
    assert "not at hand          1 not/there" in done.stdout


def test_a_commit_is_cloned_by_its_name(tmp_path: Path) -> None:
    origin = tmp_path / "host" / "some" / "site.git"
    shutil.copytree(PROJECTS / "sqlite_single", origin)
    git = ["git", "-C", str(origin), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps([{"repo": "some/site", "commit": commit, "expect": ANSWERS}]))
    command = [sys.executable, "-m", "tests.corpus.score", str(answers), "--host", origin.parents[1].as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "fully right          1 of   1" in done.stdout, done.stderr
    assert done.returncode == 0


@pytest.mark.parametrize("answers", sorted((ROOT / "tests" / "corpus").glob("*.json")), ids=lambda path: path.name)
def test_every_entry_of_the_sets_is_complete(answers: Path) -> None:
    for entry in json.loads(answers.read_text()):
        assert len(entry["commit"]) == 40
        assert isinstance(entry["expect"]["is_django"], bool)
        wanted = set(score.NEEDED) - {"entry_point"} if entry["expect"]["is_django"] else {"is_django"}
        assert wanted <= set(entry["expect"]), entry["repo"]
