import json
import socket

import pytest

from dz.errors import PortTaken, StackProblem
from infra.local import ports


def test_the_choice_is_made_once_and_kept(tmp_path):
    first = ports.choose(tmp_path / "ports.json", seed="0a", base=None)
    assert ports.choose(tmp_path / "ports.json", seed="0b", base=None) == first


def test_a_person_may_edit_a_port(tmp_path):
    path = tmp_path / "ports.json"
    ports.choose(path, seed="0a", base=None)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"prefect": 4200}))
    assert ports.choose(path, seed="0a", base=None).prefect == 4200


def test_no_two_servers_share_a_port(tmp_path):
    chosen = ports.choose(tmp_path / "ports.json", seed="0a", base=None)
    taken = [chosen.prefect, chosen.postgres_platform, chosen.postgres_sites, chosen.s3, chosen.git]
    for number in range(1, ports.MOST_SERVERS + 1):
        taken += [chosen.proxy(number), chosen.proxy_status(number)]
        for first, last in (chosen.apps(number), chosen.sites(number)):
            taken += range(first, last + 1)
    assert len(set(taken)) == len(taken)
    assert max(taken) < chosen.base + ports.WIDTH


def test_more_servers_than_there_is_room_for_are_refused(tmp_path):
    with pytest.raises(StackProblem, match="at most 18"):
        ports.choose(tmp_path / "ports.json", seed="0a", base=None).proxy(19)


def test_a_chosen_block_with_a_listener_is_refused_and_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not ports.is_free(port)
        with pytest.raises(PortTaken, match=str(port)):
            ports.choose(tmp_path / "ports.json", seed="0a", base=port)
    assert not (tmp_path / "ports.json").exists()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "ports.json").write_text("{")
    with pytest.raises(StackProblem, match=r"ports\.json"):
        ports.choose(tmp_path / "ports.json", seed="0a", base=None)


def test_the_whole_block_has_to_be_free_and_the_message_says_how_large_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "is_free", lambda port: port % ports.WIDTH != ports.WIDTH - 1)
    with pytest.raises(PortTaken, match=f"in each block of {ports.WIDTH} ports from 10000") as raised:
        ports.choose(tmp_path / "ports.json", seed="00", base=None)
    assert f"a free block of {ports.WIDTH} ports" in raised.value.remedy


@pytest.mark.parametrize("base", [80, 64_000])
def test_a_first_port_without_room_for_a_block_is_refused(tmp_path, base):
    with pytest.raises(StackProblem, match=f"DZ_PORT_BASE is {base}"):
        ports.choose(tmp_path / "ports.json", seed="00", base=base)
