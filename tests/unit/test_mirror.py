"""The tests mirror the library: whoever wonders how a module is tested finds that at the first guess."""

from pathlib import Path

from tests import ROOT

MIRRORED = ("tasklib", "worker", "adapters", "zoomdb")
WITHOUT = {
    "adapters/walls/listeners.py": "the client of the holder, in the tests of which it takes part",
    "adapters/walls/inside.py": "walls/test_passages.py and test_seccomp.py try what it prepares",
    "adapters/walls/containers/inside.py": "walls/containers/test_launcher.py and tests/hostile live within it",
    "adapters/walls/launch.py": "one line; walls/test_launcher.py starts it",
    "tasklib/appservers/walls.py": "lists alone; test_boot.py and tests/hostile live within them",
    "tasklib/jobs/results.py": "types alone",
    "worker/settling.py": "tests/faults/with_workers kills what it brings in order",
    "zoomdb/locks.py": "numbers alone; zoomdb/test_session.py takes locks of these kinds",
    "zoomdb/models.py": "zoomdb/test_migrations.py compares them with the tables",
}
"""Modules without a test of their own name, and why."""
BESIDE = {
    "tasklib/detection/test_projects.py": "the sample projects of tests/projects, each as a whole",
    "tasklib/detection/test_speed.py": "inspection as a whole, whatever the tree",
    "zoomdb/test_migrations.py": "the migrations are one chain",
}
"""Tests beside those of the modules, and what they are of."""


def modules() -> set[str]:
    """The modules of the library, below `dz`."""
    found = (path.relative_to(ROOT / "dz") for part in MIRRORED for path in (ROOT / "dz" / part).rglob("*.py"))
    return {str(path) for path in found if path.name != "__init__.py" and "migrations" not in path.parts}


def files_of_tests() -> set[str]:
    """The tests of the library, below `tests/unit` or `tests/integration`."""
    kinds = [ROOT / "tests" / kind for kind in ("unit", "integration")]
    return {
        str(path.relative_to(kind)) for kind in kinds for part in MIRRORED for path in (kind / part).rglob("test_*.py")
    }


def own_test(module: str) -> str:
    path = Path(module)
    return str(path.with_name(f"test_{path.stem.strip('_')}.py"))


def test_every_module_has_a_test_of_its_own_name_or_a_reason_why_not() -> None:
    without = {module for module in modules() if own_test(module) not in files_of_tests()}
    assert without - WITHOUT.keys() == set()
    assert WITHOUT.keys() - without == set(), "a reason for a module that is gone, or has a test"


def test_every_test_of_the_library_has_the_name_of_a_module_or_a_reason_why_not() -> None:
    beside = files_of_tests() - {own_test(module) for module in modules()}
    assert beside - BESIDE.keys() == set()
    assert BESIDE.keys() - beside == set(), "a reason for a test that is gone, or has a module"
