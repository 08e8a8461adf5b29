"""One real supervisord: every call can be repeated."""

import signal
import time
from pathlib import Path

import psutil
import pytest

from dz.adapters.supervisor import Supervisor
from dz.errors import CommandFailed, ServiceUnavailable

ROOT = Path("/")


@pytest.fixture
def program(supervisor):
    yield "app-77"
    supervisor.remove("app-77")


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_a_program_runs_until_it_is_removed_and_again_if_it_is_added_again(supervisor, program):
    for _ in range(2):
        supervisor.add(program, ["/bin/sleep", "61"], cwd=ROOT, logs=supervisor.folder)
        pid = until(lambda: supervisor.pid(program))
        supervisor.add(program, ["/bin/sleep", "61"], cwd=ROOT, logs=supervisor.folder)
        assert supervisor.pid(program) == pid
        for _ in range(2):
            supervisor.remove(program)
        assert (supervisor.state(program), supervisor.pid(program)) == (None, None)
        assert not psutil.pid_exists(pid)


def test_another_command_replaces_the_program(supervisor, program):
    supervisor.add(program, ["/bin/sleep", "62"], cwd=ROOT, logs=supervisor.folder)
    before = until(lambda: supervisor.pid(program))
    supervisor.add(program, ["/bin/sleep", "63"], cwd=ROOT, logs=supervisor.folder)
    after = until(lambda: supervisor.pid(program))
    assert (after != before, psutil.pid_exists(before)) == (True, False)
    until(lambda: psutil.Process(after).cmdline() == ["/bin/sleep", "63"])  # once it is no fork of supervisord any more


def test_a_program_that_was_killed_is_started_again(supervisor, program):
    supervisor.add(program, ["/bin/sleep", "64"], cwd=ROOT, logs=supervisor.folder)
    before = until(lambda: supervisor.pid(program))
    supervisor.signal(program, signal.SIGKILL)
    assert until(lambda: supervisor.pid(program) not in (None, before))


def test_a_program_that_ends_at_once_is_given_up_in_the_end_and_started_by_the_next_add(supervisor, program):
    supervisor.add(program, ["/bin/false"], cwd=ROOT, logs=supervisor.folder)
    until(lambda: supervisor.state(program) in ("BACKOFF", "FATAL"))
    supervisor.signal(program, signal.SIGHUP)  # which finds nobody
    supervisor.add(program, ["/bin/sleep", "65"], cwd=ROOT, logs=supervisor.folder)
    assert until(lambda: supervisor.pid(program))


def test_words_reach_the_program_as_they_are(supervisor, program, tmp_path):
    words = ["100%", "a b", "'q'", '"Q"', "%(ENV_HOME)s", "$HOME", "é", "#x", ""]
    supervisor.add(program, ["/usr/bin/printf", "%s|", *words], cwd=ROOT, logs=tmp_path)
    log = tmp_path / f"{program}.log"
    assert until(lambda: log.exists() and log.read_text()).startswith("|".join([*words, ""]))


@pytest.mark.parametrize("words", [["/bin/true\n[program:x]"], ["/bin/echo", "a;b"], ["/bin/echo", "\x00"]])
def test_values_cannot_add_lines_or_comments_to_supervisords_configuration(supervisor, words):
    with pytest.raises(CommandFailed):
        supervisor.add("app-5", words, cwd=ROOT, logs=supervisor.folder)
    assert "app-5" not in supervisor.names()


@pytest.mark.parametrize("name", ["", "../x", "App", "a b", "x" * 50])
def test_a_name_that_could_be_a_path_or_syntax_is_refused(supervisor, name):
    for call in (supervisor.remove, lambda name: supervisor.signal(name, signal.SIGHUP)):
        with pytest.raises(CommandFailed, match="cannot be the name of a program"):
            call(name)


def test_nobody_else_reads_the_folder_of_a_supervisord(supervisor):
    assert supervisor.folder.stat().st_mode & 0o077 == 0  # its log names what runs for whom


def test_a_supervisord_that_does_not_run_is_named(tmp_path):
    down = Supervisor(tmp_path, tmp_path / "s")
    with pytest.raises(ServiceUnavailable, match=f"supervisord does not answer at {tmp_path}/s"):
        down.names()
