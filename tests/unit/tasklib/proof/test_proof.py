"""Proofs that run nothing, and say why."""

from pathlib import Path

import pytest

from dz.adapters.installer import UvInstaller
from dz.adapters.python_downloads import Pythons
from dz.adapters.sandbox import UserSandbox
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.detection import inspect
from dz.tasklib.proof.attempts import Prover
from dz.tasklib.proof.proof import Proof, prove
from dz.tasklib.proof.rooms import Room
from tests import PROJECTS


@pytest.fixture
def prover(tmp_path: Path) -> Prover:
    """A server without any Python."""
    room = Room(tmp_path / "room", tmp_path / "cache", UserSandbox(None, tmp_path))
    return Prover(room, Pythons(), UvInstaller())


def proved(root: Path, prover: Prover) -> Proof:
    return prove(inspect(root), Checkout(root, "https://example.org/site.git", None, "0" * 40, "x", "p1"), prover)


def test_what_is_written_for_python_2_is_not_run(prover: Prover) -> None:
    found = proved(PROJECTS / "python2_implicit", prover)
    assert (found.outcome, found.attempts) == ("read", ())
    assert found.happened == "it is written for Python 2, which no server here has"


def test_without_a_candidate_the_reason_is_told(prover: Prover, tmp_path: Path) -> None:
    assert proved(PROJECTS / "not_django", prover).happened == "there is no candidate to run"
    (tmp_path / "zoombuild.cfg").write_text("[project]\ntitel = x\n")
    found = proved(tmp_path, prover)
    assert (found.outcome, found.chosen) == ("read", None)
    assert found.happened.startswith("zoombuild.cfg, line 2, key titel: this key is unknown")


def test_a_server_without_a_fitting_python_leaves_the_guesses_read(prover: Prover) -> None:
    found = proved(PROJECTS / "sqlite_single", prover)
    assert [(one.outcome, one.stage, one.error) for one in found.attempts] == [("read", "install", "PythonMissing")]
    summary = found.to_json()
    assert (summary["outcome"], summary["settings_module"], summary["python"]) == ("read", "mysite.settings", "")
    assert summary["attempts"] == [found.attempts[0].to_json()]
    assert summary.keys() == {
        "outcome", "happened", "settings_module", "python", "django_version", "seconds", "warnings", "attempts"
    }  # fmt: skip
