import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.errors import NoAppserver
from dz.tasklib.servers.placement import ServerState, choose, refusal, score

states = st.builds(
    ServerState,
    name=st.sampled_from([f"app-{n}" for n in range(8)]),
    age=st.none() | st.floats(0, 100),
    capacity=st.integers(1, 10),
    instances=st.integers(0, 12),
    cpu_percent=st.floats(0, 100),
    memory_percent=st.floats(0, 100),
    disk_percent=st.floats(0, 100),
)


@settings(max_examples=60)
@given(st.lists(states, unique_by=lambda s: s.name), st.integers(1, 4))
def test_only_fine_servers_are_chosen_and_each_once_least_loaded_first(servers, instances):
    by_name = {server.name: server for server in servers}
    fine = [server for server in servers if not refusal(server)]
    if not fine:
        with pytest.raises(NoAppserver) as caught:
            choose(servers, instances=instances)
        assert all(server.name in caught.value.found for server in servers)
        return
    chosen = choose(servers, instances=instances)
    scores = [score(by_name[name]) for name in chosen]
    assert len(set(chosen)) == len(chosen) == min(instances, len(fine))
    assert scores == sorted(scores)
    assert all(score(server) >= scores[-1] for server in fine if server.name not in chosen)


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        (ServerState("a", None, 5, 0), "no heartbeat"),
        (ServerState("a", 31, 5, 0), "silent for 31 s"),
        (ServerState("a", 1, 5, 5), "full, 5 of 5"),
        (ServerState("a", 1, 5, 0, disk_percent=96), "disk 96 %"),
        (ServerState("a", 1, 5, 0, memory_percent=96), "memory 96 %"),
    ],
)
def test_the_error_says_why_each_server_was_refused(server, reason):
    with pytest.raises(NoAppserver, match=reason):
        choose([server], instances=1)
