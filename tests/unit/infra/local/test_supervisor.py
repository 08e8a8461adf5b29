import configparser
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from dz.errors import StackProblem
from infra.local import leftovers
from infra.local.layout import Layout
from infra.local.programs import Program
from infra.local.supervisor import Supervisor, _configuration


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    for folder in (layout.run, layout.logs):
        folder.mkdir(exist_ok=True)
    yield layout
    Supervisor(layout).shut_down()
    leftovers.end(leftovers.find(stack=layout.name, state=layout.state))


def sleeper(name: str, seconds: str = "600") -> Program:
    return Program(name, ("/bin/sleep", seconds), Path("/"))


def pids(supervisor: Supervisor) -> dict[str, int | None]:
    return {one.name: one.pid for one in supervisor.statuses()}


def test_a_new_configuration_restarts_only_what_changed(layout):
    supervisor = Supervisor(layout)
    supervisor.configure([sleeper("kept"), sleeper("changed")])
    supervisor.start(["kept", "changed"])
    before = pids(supervisor)
    supervisor.configure([sleeper("kept"), sleeper("changed", "601"), sleeper("added")])
    supervisor.start(["kept", "changed", "added"])
    after = pids(supervisor)
    assert after["kept"] == before["kept"]
    assert after["changed"] not in {None, before["changed"]}
    assert after["added"]


def test_a_killed_program_comes_back(layout):
    supervisor = Supervisor(layout)
    supervisor.configure([sleeper("program")])
    supervisor.start(["program"])
    first = pids(supervisor)["program"]
    time.sleep(1.2)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while pids(supervisor)["program"] in {None, first} and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids(supervisor)["program"] not in {None, first}


def test_programs_of_a_killed_supervisor_are_found_and_ended(layout):
    supervisor = Supervisor(layout)
    supervisor.configure([sleeper("orphan")])
    supervisor.start(["orphan"])
    orphan = psutil.Process(pids(supervisor)["orphan"])
    parent = orphan.parent()
    os.kill(parent.pid, signal.SIGKILL)
    psutil.wait_procs([parent], timeout=5)
    assert not supervisor.alive()
    found = leftovers.find(stack=layout.name, state=layout.state)
    assert orphan in found
    leftovers.end(found)
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_the_configuration_is_closed_to_others(layout):
    Supervisor(layout).configure([])
    assert layout.supervisor_conf.stat().st_mode & 0o077 == 0


def test_percent_signs_survive_and_quotation_marks_are_refused(tmp_path):
    text = _configuration(Layout(tmp_path), [Program("one", ("/bin/echo", "100%"), tmp_path, env={"A": "b,c%d"})])
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    assert parser["program:one"]["command"] == '"/bin/echo" "100%%"'
    assert parser["program:one"]["environment"] == 'A="b,c%%d"'
    with pytest.raises(StackProblem):
        _configuration(Layout(tmp_path), [Program("one", ('a"b',), tmp_path)])
