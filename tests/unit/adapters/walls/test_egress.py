"""Which hosts and addresses confined programs reach, and how the proxy of builds answers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dz.adapters.walls import egress, passages
from dz.adapters.walls.egress import Hosts

ADDRESSES = {"pypi.org": "151.101.0.223", "files.pythonhosted.org": "151.101.0.224", "inner.example": "10.0.0.7"}


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names of the test resolve here; numbers are themselves."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *more: int, **rest: int) -> object:
        return real(ADDRESSES.get(host, host if host[0].isdigit() else "151.101.0.9"), port, *more, **rest)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("host", "port", "rules", "reached"),
    [
        ("pypi.org", 443, Hosts(("pypi.org",)), True),
        ("files.pythonhosted.org", 443, Hosts(("pypi.org",)), True),
        ("PyPI.org.", 443, Hosts(("pypi.org",)), True),
        ("evilpypi.org", 443, Hosts(("pypi.org",)), False),
        ("inner.example", 443, Hosts(("inner.example",)), False),
        ("inner.example", 443, Hosts((), (("inner.example", 443),)), True),
        ("inner.example", 22, Hosts((), (("inner.example", 443),)), False),
        ("127.0.0.1", 5432, Hosts(("127.0.0.1",)), False),
        ("169.254.169.254", 80, Hosts(("169.254.169.254",)), False),
        ("0x7f000001", 80, Hosts(("0x7f000001",)), False),
        ("a.githubusercontent.com", 443, Hosts(("github.com",)), True),
    ],
)
def test_a_host_is_reached_if_it_is_named_and_public_or_opened(
    host: str, port: int, rules: Hosts, reached: object
) -> None:
    assert bool(rules.addresses(host, port)) is reached


def test_the_platforms_own_servers_are_reached_by_their_web_ports_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = Hosts((), (), closed=("151.101.0.8",))
    assert [bool(rules.refusal("151.101.0.8", port)) for port in (80, 443, 5432)] == [False, False, True]
    monkeypatch.setattr(egress, "_is_ours", lambda address: address == "151.101.0.7")
    assert [bool(rules.refusal("151.101.0.7", port)) for port in (443, 4200)] == [False, True]


def test_this_machines_own_addresses_are_known() -> None:
    assert egress._is_ours("127.0.0.1")
    assert not egress._is_ours("151.101.0.9")


def test_an_address_is_reached_if_it_is_public_or_one_of_an_opened_host() -> None:
    rules = Hosts((), (("inner.example", 5432), ("pypi.org", 25)))
    assert rules.refusal("151.101.0.223", 587) == ""
    assert rules.refusal("10.0.0.7", 5432) == ""
    assert "not a public address" in rules.refusal("10.0.0.7", 22)
    assert "not a public address" in rules.refusal("192.168.1.1", 443)
    assert "port 587" in rules.refusal("151.101.0.224", 25)  # a site must not send mail past the mail servers
    assert rules.refusal("151.101.0.223", 25) == ""


@contextmanager
def listening(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server for one connection: the port, and what it was sent."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            one, _ = server.accept()
            with one:
                seen.append(one.recv(4096))
                one.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], seen


def asked(request: bytes, rules: Hosts, more: bytes = b"") -> bytes:
    """What the proxy answers to a client that sends `more` once it is connected."""
    ours, theirs = socket.socketpair()
    worker = threading.Thread(target=lambda: (egress.serve(theirs, rules, passages.join), theirs.close()))
    worker.start()
    ours.sendall(request)
    answer = b""
    if more:
        answer = ours.recv(4096)
        ours.sendall(more)
    ours.settimeout(20)
    while chunk := ours.recv(4096):
        answer += chunk
    ours.close()
    worker.join(20)
    return answer


def test_what_is_not_listed_is_refused_in_words_and_nobody_is_asked() -> None:
    with listening(b"x") as (port, seen):
        answer = asked(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), Hosts(("pypi.org",)))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"not one of the places that a build may reach" in answer
    assert seen == []


def test_a_tunnel_passes_bytes_both_ways() -> None:
    with listening(b"there") as (port, seen):
        rules = Hosts((), (("127.0.0.1", port),))
        answer = asked(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n".encode(), rules, more=b"hello")
    assert (seen, answer) == ([b"hello"], b"HTTP/1.1 200 Connected\r\n\r\nthere")


def test_a_plain_request_is_sent_on_alone_without_what_concerns_the_proxy() -> None:
    with listening(b"HTTP/1.1 204 No Content\r\n\r\n") as (port, seen):
        head = f"GET http://127.0.0.1:{port}/simple/?q=1 HTTP/1.1\r\nHost: h\r\nProxy-Authorization: x\r\n\r\n"
        answer = asked(head.encode(), Hosts((), (("127.0.0.1", port),)))
    assert seen == [b"GET /simple/?q=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"]
    assert answer == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize("line", ["nonsense", "CONNECT [::1 HTTP/1.1", "GET http://a:port/ HTTP/1.1"])
def test_a_malformed_request_is_refused(line: str) -> None:
    assert asked(f"{line}\r\n\r\n".encode(), Hosts(())).startswith(b"HTTP/1.1 400 Bad Request\r\n")
