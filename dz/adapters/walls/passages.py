"""The ways through the walls: sockets that listen within, and what is behind each of them outside."""

import contextlib
import ipaddress
import os
import socket
import struct
import threading
import time
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
_MOST_QUESTIONS = 50
_PAUSE = 0.1
_SILENCE = 60.0
"""Seconds in which the same refusal is told once."""
_ABRUPT, _ORDERLY = struct.pack("ii", 1, 0), struct.pack("ii", 0, 0)
_KEPT_ALIVE = (
    ((socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1),
    ((socket.IPPROTO_TCP, socket.TCP_KEEPIDLE), 60),
    ((socket.IPPROTO_TCP, socket.TCP_KEEPINTVL), 10),
    ((socket.IPPROTO_TCP, socket.TCP_KEEPCNT), 6),
)
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
    found = [way for place in network.open for way in _on_loopback(place)]
    found += [_to_socket(*place) for place in network.sockets]
    if network.hosts:
        rules = egress.Hosts(network.hosts, network.open)
        found.append(Passage("tcp", PROXY, lambda one: egress.serve(one, rules, join)))
    if network.internet:
        rules = egress.Hosts((), network.open, network.closed)
        found += [Passage("tcp", ("127.0.0.1", CATCHER), lambda one: _onward(one, rules))]
        found += [Passage("udp", ("127.0.0.1", _DNS), _resolve), Passage("tcp", ("127.0.0.1", _DNS), _resolve_stream)]
    return list({(way.kind, way.inside): way for way in found}.values())


def names(network: Network) -> list[tuple[str, str]]:
    """Return the addresses of the open places that have names, which the names of the machine may know alone."""
    hosts = {host: port for host, port in network.open if not _is_address(host) and host != "localhost"}
    return [(address, host) for host, port in hosts.items() for address in sorted(egress.resolved(host, port))]


def open_for(passages: Sequence[Passage], sockets: Sequence[socket.socket]) -> None:
    """Serve the passages by threads, for as long as this process lives."""
    for passage, one in zip(passages, sockets, strict=True):
        work = (passage.serve, one) if passage.kind == "udp" else (_accept, passage.serve, one)
        threading.Thread(target=work[0], args=work[1:], daemon=True).start()


_free = threading.BoundedSemaphore(_MOST_CONNECTIONS)


def _accept(serve: Callable[[socket.socket], None], listener: socket.socket) -> None:
    """Serve each connection of a listening socket in a thread of its own; a program that has too many waits for an end."""

    def one(connection: socket.socket) -> None:
        with connection:
            serve(connection)

    while True:
        _free.acquire()
        try:
            connection = listener.accept()[0]
        except OSError:  # too many open files, or a connection that has gone already
            _free.release()
            time.sleep(_PAUSE)
            continue
        with contextlib.suppress(RuntimeError):  # no thread to be had: the connection is closed
            _started(_free, one, connection)
            continue
        connection.close()
        time.sleep(_PAUSE)


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


def _on_loopback(place: Place) -> list[Passage]:
    """Return passages to the loopback addresses of a place, each at the same address within."""
    found = egress.resolved(*place) if not _is_address(place[0]) else {place[0]}
    return [_to((address, place[1])) for address in sorted(found) if ipaddress.ip_address(address).is_loopback]


def _to(place: Place) -> Passage:
    def serve(connection: socket.socket) -> None:
        _joined(connection, place)

    return Passage("tcp", ("127.0.0.1" if place[0] == "::1" else place[0], place[1]), serve)


def _to_socket(port: int, path: str) -> Passage:
    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
        with socket.socket(socket.AF_UNIX) as outside:
            outside.settimeout(_CONNECT_SECONDS)
            outside.connect(path)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ORDERLY)
            outside.settimeout(None)
            join(connection, outside)

    return Passage("tcp", ("127.0.0.1", port), serve)


def _joined(connection: socket.socket, place: Place) -> None:
    """Connect to a place and pass bytes both ways; the program sees "connection reset" if there is nobody."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
    with socket.create_connection(place, _CONNECT_SECONDS) as outside:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ORDERLY)
        outside.settimeout(None)
        for option, value in _KEPT_ALIVE:
            outside.setsockopt(*option, value)
        join(connection, outside)


def _onward(connection: socket.socket, rules: egress.Hosts) -> None:
    """Connect to where a redirected connection was meant to go, if it may."""
    raw = connection.getsockopt(socket.SOL_IP, _ORIGINAL_DESTINATION, 16)
    port, address = struct.unpack_from("!2xH4s", raw)
    place = (socket.inet_ntoa(address), port)
    if why := rules.refusal(*place):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABRUPT)
        _say(place, why)
        return
    _joined(connection, place)


_said: dict[Place, float] = {}


def _say(place: Place, why: str) -> None:
    """Write into the program's log that it may not reach a place, once a minute for each."""
    now = time.monotonic()
    if now - _said.get(place, -_SILENCE) < _SILENCE:
        return
    if len(_said) >= _MOST_CONNECTIONS:
        _said.clear()
    _said[place] = now
    where = f"{place[0]}:{place[1]}"
    text = f"DjangoZoom refused a connection to {where}: {why}. The operator of this server opens it by DZ_EGRESS={where}.\n"
    with contextlib.suppress(OSError):  # nobody reads the log any more
        os.write(2, text.encode())


def _resolve(listener: socket.socket) -> None:
    """Answer questions of DNS with what the machine's own name server says."""
    free = threading.BoundedSemaphore(_MOST_QUESTIONS)
    while True:
        with contextlib.suppress(OSError, RuntimeError):
            question, sender = listener.recvfrom(4096)
            if free.acquire(blocking=False):  # a question that finds no place is asked again by its program
                _started(free, _ask, listener, question, sender)


def _started(free: threading.BoundedSemaphore, work: Callable[..., None], *arguments: object) -> None:
    """Do some work in a thread, and give its place free when it is done or cannot be begun."""

    def run() -> None:
        try:
            with contextlib.suppress(OSError):
                work(*arguments)
        finally:
            free.release()

    try:
        threading.Thread(target=run, daemon=True).start()
    except RuntimeError:
        free.release()
        raise


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
        with contextlib.suppress(OSError):
            _joined(connection, (server, _DNS))
            return


def _name_servers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [words[1] for line in lines if len(words := line.split()) > 1 and words[0] == "nameserver"]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False
