from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.adapters.interpreters import Download
from dz.errors import NoAppserver
from dz.tasklib.servers.placement import ServerState, choose, refusal, score
from tests.manifests import MANIFEST

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


FETCHED = replace(MANIFEST, python_source=Download((3, 11, 2), "cpython-3.11.2", "https://example.org/x", "5" * 64))
BUILT = replace(MANIFEST, platform="linux-x86_64-glibc-2.36")


@pytest.mark.parametrize(
    ("manifest", "facts", "reason"),
    [
        (MANIFEST, {}, ""),
        (MANIFEST, {"pythons": ["3.13.1", "3.11.9"]}, ""),
        (MANIFEST, {"pythons": ["3.13.1"], "fetches_pythons": True}, "has no Python 3.11"),
        (FETCHED, {"pythons": [], "fetches_pythons": True}, ""),
        (FETCHED, {"pythons": [], "fetches_pythons": False, "fetched_pythons": {"5" * 64: "3.11.2"}}, ""),
        (
            FETCHED,
            {"pythons": ["3.11.2"], "fetches_pythons": False, "fetched_pythons": {"6" * 64: "3.11.2"}},
            "has not the Python 3.11.2 of the build, and DZ_PYTHON_DOWNLOADS is never",
        ),
        (BUILT, {"pythons": ["3.11.2"], "platform": "linux-x86_64-glibc-2.36"}, ""),
        (BUILT, {"pythons": ["3.11.2"], "platform": "linux-x86_64-glibc-2.41"}, ""),
        (replace(BUILT, platform="linux-x86_64-glibc2.36"), {"pythons": ["3.11.2"], "platform": BUILT.platform}, ""),
        (
            BUILT,
            {"pythons": ["3.11.2"], "platform": "linux-x86_64-glibc-2.31"},
            "its platform is linux-x86_64-glibc-2.31, that of the build linux-x86_64-glibc-2.36",
        ),
        (
            BUILT,
            {"pythons": ["3.11.2"], "platform": "linux-aarch64-glibc-2.36"},
            "its platform is linux-aarch64-glibc-2.36, that of the build linux-x86_64-glibc-2.36",
        ),
    ],
)
def test_a_server_without_the_python_of_the_build_is_not_chosen(manifest, facts, reason):
    full = ServerState("a", 1, 5, 0, facts=facts)
    assert full.lacks(manifest) == reason
    busy = ServerState("b", 1, 5, 0, cpu_percent=99)
    assert choose([full, busy], instances=1, manifest=manifest) == (["b"] if reason else ["a"])
    if reason:
        with pytest.raises(NoAppserver) as caught:
            choose([full], instances=1, manifest=manifest)
        assert caught.value.found == f"No appserver can take the site. a: {reason}"


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
