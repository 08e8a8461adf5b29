"""The ways through the walls: sockets that listen within, and what is behind each of them outside."""

import contextlib
import ipaddress
import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dz.adapters.walls import egress
from dz.adapters.walls.confinement import PROXY, Network

Place = tuple[str, int]

CATCHER = 1
"""The port within to which connections to the internet are redirected; it is never dialled by number."""
_DNS = 53
_MOST_CONNECTIONS = 1000
"""Connections through the walls that one program may have at once."""
_ORIGINAL_DESTINATION = 80
_CHUNK = 65536
_CONNECT_SECONDS = 20


@dataclass(frozen=True)
class Passage:
    """One socket within.

    Args:
        kind: tcp or udp.
        inside: where it listens within.
        serve: called in a thread with each connection, or with the socket itself for udp.
    """

    kind: str
    inside: Place
    serve: Callable[[socket.socket], None]


def of(network: Network) -> list[Passage]:
    """Return the passages that a network takes."""
    found = [_to(place) for place in network.open if _is_loopback(place[0])]
    if network.hosts:
        rules = egress.Hosts(network.hosts, network.open)
        found.append(Passage("tcp", PROXY, lambda one: egress.serve(one, rules, join)))
    if network.internet:
        rules = egress.Hosts((), network.open)
        found += [Passage("tcp", ("127.0.0.1", CATCHER), lambda one: _onward(one, rules))]
        found += [Passage("udp", ("127.0.0.1", _DNS), _resolve), Passage("tcp", ("127.0.0.1", _DNS), _resolve_stream)]
    return found


def open_for(passages: Sequence[Passage], sockets: Sequence[socket.socket]) -> None:
    """Serve the passages by threads, for as long as this process lives."""
    for passage, one in zip(passages, sockets, strict=True):
        work = passage.serve if passage.kind == "udp" else _Acceptor(passage.serve)
        threading.Thread(target=work, args=(one,), daemon=True).start()


class _Acceptor:
    """Serves each connection of a listening socket in a thread of its own."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._serve, self._free = serve, threading.BoundedSemaphore(_MOST_CONNECTIONS)

    def __call__(self, listener: socket.socket) -> None:
        """Accept connections; a program that has too many waits until one has ended."""
        while True:
            self._free.acquire()
            connection = listener.accept()[0]
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                self._serve(connection)
        finally:
            self._free.release()


def join(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes both ways until both ends have said that they are done."""
    for each in (one, other):
        with contextlib.suppress(OSError):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    back = threading.Thread(target=_pass, args=(other, one), daemon=True)
    back.start()
    _pass(one, other)
    back.join()


def _pass(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _to(place: Place) -> Passage:
    def serve(connection: socket.socket) -> None:
        with socket.create_connection(place, _CONNECT_SECONDS) as outside:
            outside.settimeout(None)
            join(connection, outside)

    return Passage("tcp", ("127.0.0.1", place[1]), serve)


def _onward(connection: socket.socket, rules: egress.Hosts) -> None:
    """Connect to where a redirected connection was meant to go, if it may."""
    raw = connection.getsockopt(socket.SOL_IP, _ORIGINAL_DESTINATION, 16)
    port, address = struct.unpack_from("!2xH4s", raw)
    place = (socket.inet_ntoa(address), port)
    if not rules.allow_address(*place):
        # An abrupt end, so that the program sees "connection reset" at once.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return
    with socket.create_connection(place, _CONNECT_SECONDS) as outside:
        outside.settimeout(None)
        join(connection, outside)


def _resolve(listener: socket.socket) -> None:
    """Answer questions of DNS with what the machine's own name server says."""
    while True:
        question, sender = listener.recvfrom(4096)
        threading.Thread(target=_ask, args=(listener, question, sender), daemon=True).start()


def _ask(listener: socket.socket, question: bytes, sender: Place) -> None:
    for server in _name_servers():
        with contextlib.suppress(OSError), socket.socket(_family(server), socket.SOCK_DGRAM) as outside:
            outside.settimeout(4)
            outside.connect((server, _DNS))
            outside.send(question)
            listener.sendto(outside.recv(4096), sender)
            return


def _resolve_stream(connection: socket.socket) -> None:
    for server in _name_servers():
        with socket.create_connection((server, _DNS), _CONNECT_SECONDS) as outside:
            outside.settimeout(None)
            join(connection, outside)
            return


def _name_servers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "nameserver"]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
