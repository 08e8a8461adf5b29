"""Proves guesses about tiny repositories with the real installer and real Django."""

import shutil
import tempfile
from pathlib import Path

import pytest

from dz.adapters import interpreters
from dz.adapters.installer import UvInstaller
from dz.adapters.python_downloads import Pythons
from dz.tasklib import detection
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.guesses import proved
from dz.tasklib.proof import proof, rooms
from dz.tasklib.proof.attempts import Prover
from tests import PROJECTS
from tests.integration.tasklib.proof.proving import Prove, sandbox_of


@pytest.fixture
def prove(build_server: Path) -> Prove:
    """Prove a project of tests/projects, with files put over it; all share one cache of the installer."""

    def run(name: str, /, index: str | None = None, files: dict[str, str] | None = None, **variables: str):  # type: ignore[no-untyped-def]
        tree = Path(tempfile.mkdtemp(prefix="tree-", dir=build_server))
        tree.chmod(0o755)
        shutil.copytree(PROJECTS / name, tree, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for path, text in (files or {}).items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        checkout = Checkout(tree, "https://example.org/site.git", None, "0" * 40, "x", "p00000001")
        found = detection.inspect(tree)
        with rooms.room(build_server / "proofs", "k" if index is None else "other", sandbox_of) as room:
            prover = Prover(room, Pythons(tuple(interpreters.available())), UvInstaller(index), variables)
            made = proof.prove(found, checkout, prover)
        return made, proved.merged(found, made)

    return run
