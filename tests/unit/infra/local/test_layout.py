import os
import shutil
import stat
import tempfile
from pathlib import Path

import pytest

from dz.errors import StackProblem
from infra.local.layout import LONGEST_SOCKET, Layout


@pytest.fixture
def folder():
    made = Path(tempfile.mkdtemp(prefix="dz-layout-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def test_secrets_and_logs_are_closed_to_others(folder):
    layout = Layout(folder / "state")
    layout.prepare()
    layout.prepare()
    for path in (layout.keys, layout.logs):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_folder_with_other_things_is_refused_and_left_alone(folder):
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(StackProblem, match=r"thesis\.txt"):
        Layout(folder).prepare()
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(folder):
    (folder / "state").write_text("")
    with pytest.raises(StackProblem, match="state"):
        Layout(folder / "state").prepare()


def test_a_long_path_gets_short_sockets_of_its_own(folder):
    one, other = Layout(folder / ("x" * 90)), Layout(folder / ("y" * 90))
    assert one.run != other.run
    assert len(str(one.run / "platform" / ".s.PGSQL.65535.lock")) <= LONGEST_SOCKET
    assert Layout(folder / "state").run == folder / "state" / "run"


@pytest.mark.skipif(os.geteuid() != 0, reason="service users are for root")
def test_a_folder_that_service_users_cannot_reach_is_refused(folder):
    (folder / "closed").mkdir(mode=0o700)
    with pytest.raises(StackProblem, match="closed"):
        Layout(folder / "closed" / "state").prepare()
