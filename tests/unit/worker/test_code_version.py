"""The version of the code changes with what a flow run may import, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dz.worker.code_version import code_version


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "dz" / "adapters" / "templates").mkdir(parents=True)
    (tmp_path / "dz" / "adapters" / "git.py").write_text("1")
    (tmp_path / "requirements.lock").write_text("1")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "dz" / "adapters" / "git.py").write_text("22"),
        lambda folder: (folder / "dz" / "adapters" / "git.py").unlink(),
        lambda folder: (folder / "dz" / "new.py").write_text(""),
        lambda folder: (folder / "dz" / "adapters" / "templates" / "nginx.conf.j2").write_text(""),
        lambda folder: (folder / "requirements.lock").write_text("22"),
    ],
)
def test_a_change_is_noticed(checkout: Path, change: Callable[[Path], object]) -> None:
    before = code_version(checkout)
    assert code_version(checkout) == before
    change(checkout)
    assert code_version(checkout) != before


def test_what_no_run_imports_is_no_change(checkout: Path) -> None:
    before = code_version(checkout)
    (checkout / "dz" / "notes.txt").write_text("")
    (checkout / "tests").mkdir()
    (checkout / "tests" / "test_it.py").write_text("")
    assert code_version(checkout) == before
