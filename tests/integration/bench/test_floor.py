import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from bench.floor import Floor
from bench.probe import Place
from bench.projects import Project
from bench.services import Services
from dz.errors import CommandFailed

BUILT = {"venv", "install"}
STEPS = {
    *("clone", "check", "bundle", "upload", "database", "user", "download", "extract", "migrate", "collectstatic"),
    *("start", "vhost", "reload", "first_answer"),
}


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    folder = Path(tempfile.mkdtemp(prefix="dz-floor-"))
    folder.chmod(0o711)  # project code runs as a user of its own
    made = Floor(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_the_script_brings_a_site_up_and_puts_new_versions_live(floor: Floor, tmp_path: Path) -> None:
    project = Project("tiny", tmp_path / "work", tmp_path / "tiny.git")
    project.create()
    for variant in ("plain", "smart"):
        place = Place(floor.web_port, f"{variant}.localhost")
        for number in (1, 2):
            _, steps = place.answered_by(
                project.version, lambda name=variant: floor.deploy(name, f"file://{project.bare}", name)
            )
            built = variant == "plain" or number == 1
            assert set(steps) == (STEPS | BUILT if built else STEPS)
            project.commit()
    # Otherwise each step would compile everything again, and the comparison would flatter us.
    assert list(floor.folder.glob("sites/plain/releases/*/.venv/lib/*/site-packages/django/__pycache__/*.pyc"))
    floor.drop("plain")
    assert not (floor.folder / "sites" / "plain").exists()


def test_a_step_that_fails_ends_the_script(floor: Floor) -> None:
    with pytest.raises(CommandFailed, match="step clone failed"):
        floor.deploy("missing", "file:///nonexistent", "plain")


def test_what_a_killed_measurement_left_running_is_ended_by_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "services"
    killed = Services(folder)
    killed.clear()
    left = killed.launch("left", ["sleep", "600"], folder)
    while not psutil.Process(left.pid).environ():
        time.sleep(0.01)  # a program has none in the first moments of its life
    Services(folder).clear()
    assert not psutil.pid_exists(left.pid)
    assert list(folder.iterdir()) == []
