"""Code of a project that attacks the platform and its neighbours gets nothing, at any stage of its life."""

import json
import os
import stat
import time

import psutil
import pytest

from dz.settings import settings
from tests.flows.conftest import Platform
from tests.hostile.conftest import CANARY, Attack

STAGES = ("setup", "settings", "migration", "site")
stages = pytest.mark.parametrize("stage", STAGES)
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives each project a user of its own")


@stages
def test_it_sees_its_own_files_alone(attack: Attack, stage: str) -> None:
    found = attack.reports[stage]
    assert (found["seen"], found["read"], found["databases"]) == ([], [], [])
    assert CANARY not in json.dumps(found)


@stages
def test_it_sees_its_own_processes_alone_and_signals_no_other(attack: Attack, stage: str) -> None:
    found = attack.reports[stage]
    assert {uid for uid, _ in found["processes"]} == {int(found["status"]["Uid"][0])}
    shown = " ".join(words for _, words in found["processes"])
    assert [name for name in ("supervisord", "nginx", "postgres", "launch.py", "git-daemon") if name in shown] == []
    assert found["signalled"] == []


@stages
def test_it_reaches_nobody_on_this_machine(attack: Attack, stage: str) -> None:
    assert attack.reports[stage]["reached"] == {}


def test_nothing_arrived_at_the_machines_addresses(attack: Attack) -> None:
    assert attack.hits == []


def test_a_build_reaches_only_what_it_may_through_its_proxy(attack: Attack) -> None:
    assert set(attack.reports["setup"]["proxy"].values()) == {"403"}


@stages
def test_it_has_no_rights_and_gains_none(attack: Attack, stage: str) -> None:
    found = attack.reports[stage]
    status = found["status"]
    assert {int(status[name][0], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == (["1"], ["2"])
    assert (found["gained"], found["commands"]) == ([], [])


@root_only
@stages
def test_it_runs_as_a_user_of_its_own(attack: Attack, stage: str) -> None:
    status = attack.reports[stage]["status"]
    uids, gids = set(status["Uid"]), set(status["Gid"])
    assert (len(uids), len(gids)) == (1, 1)
    assert "0" not in uids | gids
    assert set(status["Groups"]) <= gids
    (neighbours,) = {one.uids().real for one in attack.neighbour.processes()[1:]}
    assert str(neighbours) not in uids


@stages
def test_its_environment_holds_nothing_of_the_worker(attack: Attack, stage: str) -> None:
    names = set(attack.reports[stage]["environment"])
    assert not {name for name in names if name.startswith(("PREFECT", "AWS", "DZ_S3", "DZ_ZOOMDB", "DZ_SITES"))}
    assert not names & {"DZ_STATE_DIR", "DZ_ENCRYPTION_KEY_FILE", "SSH_AUTH_SOCK", "SUDO_USER"}


@stages
def test_no_descriptor_of_the_platform_is_inherited(attack: Attack, platform: Platform, stage: str) -> None:
    # A site has its own socket and those of its database.
    ours = ("/memfd:", *([] if stage in ("migration", "site") else ["socket:", str(platform.state)]))
    assert [name for name in attack.reports[stage]["descriptors"] if name.startswith(ours)] == []


def test_nothing_that_a_step_started_outlives_it(attack: Attack) -> None:
    for stage in ("setup", "settings"):
        _gone(stage)


def _gone(stage: str) -> None:
    deadline = time.monotonic() + 5
    while (left := _leftovers(stage)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert left == []


def _leftovers(stage: str) -> list[int]:
    word = f"hostile-leftover-{stage}"
    return [one.pid for one in psutil.process_iter(["cmdline"]) if word in (one.info["cmdline"] or [])]


def test_the_key_file_is_its_owners_alone(platform: Platform) -> None:
    assert stat.S_IMODE(settings().key_file.stat().st_mode) & 0o077 == 0


def test_the_neighbours_visitors_noticed_nothing(attack: Attack) -> None:
    assert attack.load.asked > 0
    assert attack.load.failures == []
