"""`inside.py FD JOB PROGRAM [ARGUMENT...]`: the first program within the walls, before any code of a project.

It holds the two capabilities that its network takes, hands the sockets on which it listens to the launcher outside by the
descriptor FD, gives every right up and becomes the project's program. It runs in an interpreter that the platform did not
choose, so it takes nothing but the standard library and the syntax of Python 3.6.
Sources: rtnetlink(7), nftables' netlink messages (linux/netfilter/nf_tables.h), capabilities(7).
"""

import array
import ctypes
import json
import os
import resource
import socket
import struct
import sys
from typing import Any

_OWN_ADDRESS = "192.0.0.8"
"""The dummy address of RFC 7600, from which connections to the internet seem to come."""
_REQUEST, _ACKNOWLEDGED, _CREATE, _APPEND = 0x1, 0x4, 0x400, 0x800


def main(control: int, job: "dict[str, Any]", argv: "list[str]") -> None:
    """Prepare the network, hand over the sockets and become the program."""
    sockets = opened(job)
    channel = socket.socket(fileno=control)
    hand_over(channel, sockets)
    channel.close()
    give_up_rights()
    for kind, value in job["limits"]:
        resource.setrlimit(kind, (value, value))
    os.environ.pop("PWD", None)  # bubblewrap sets it
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - the program of the project, by argument list
    except OSError as error:
        os.write(2, f"{argv[0]} cannot be started: {error.strerror}\n".encode())
        os._exit(127)


def opened(job: "dict[str, Any]") -> "list[socket.socket]":
    """Prepare the network and return the sockets on which the launcher outside listens within."""
    if job["internet"]:
        _catch_all(job["catcher"])
    return [_listener(kind, host, port) for kind, host, port in job["sockets"]]


def hand_over(channel: socket.socket, sockets: "list[socket.socket]") -> None:
    """Give the sockets to the launcher outside."""
    descriptors = array.array("i", [one.fileno() for one in sockets])
    channel.sendmsg([b"1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)] if sockets else [])
    for one in sockets:
        one.close()


def _listener(kind: str, host: str, port: int) -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((host, port))
    if kind == "tcp":
        one.listen(256)
    return one


def _catch_all(port: int) -> None:
    """Route everything to this machine, and let every TCP connection that leaves loopback end at `port`."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as route:
        loopback = socket.if_nametoindex("lo")
        own = socket.inet_aton(_OWN_ADDRESS)
        address = struct.pack("BBBBI", socket.AF_INET, 32, 0, 0, loopback)
        _ask(route, 20, address + _attribute(1, own) + _attribute(2, own))
        way = struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 253, 1, 0)
        _ask(route, 24, way + _attribute(4, struct.pack("I", loopback)) + _attribute(7, own))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as filters:
        table = _text(1, "dz")
        hook = _attribute(1, struct.pack(">I", 3)) + _attribute(2, struct.pack(">i", -100))
        chain = table + _text(3, "out") + _nested(4, hook) + _text(7, "nat")
        tcp = _expression("meta", _number(1, 8) + _number(2, 16)) + _compared(socket.IPPROTO_TCP, equal=True)
        first_byte = _expression("payload", _number(1, 8) + _number(2, 1) + _number(3, 16) + _number(4, 1))
        away = first_byte + _compared(127, equal=False)
        value = _nested(2, _attribute(1, struct.pack(">H", port)))
        to_port = _expression("immediate", _number(1, 8) + value) + _expression("redir", _number(1, 8))
        rule = table + _text(2, "out") + _nested(4, tcp + away + to_port)
        _batch(filters, [(0, table), (3, chain), (6, rule)])


def _batch(filters: socket.socket, changes: "list[tuple[int, bytes]]") -> None:
    """Send changes of nftables as one batch and read the answer to each."""
    begin = struct.pack("BBH", 0, 0, socket.htons(10))
    out = _message(16, _REQUEST, 1, begin)
    for number, (kind, body) in enumerate(changes, 2):
        head = struct.pack("BBH", socket.AF_INET, 0, 0)
        out += _message(10 << 8 | kind, _REQUEST | _ACKNOWLEDGED | _CREATE | _APPEND, number, head + body)
    filters.send(out + _message(17, _REQUEST, 99, begin))
    answered = 0
    while answered < len(changes):
        answered += _errors(filters.recv(65536))


def _ask(channel: socket.socket, kind: int, body: bytes) -> None:
    channel.send(_message(kind, _REQUEST | _ACKNOWLEDGED | _CREATE, 1, body))
    _errors(channel.recv(65536))


def _errors(data: bytes) -> int:
    """Raise what the kernel refused; return how many answers there are."""
    count = 0
    while data:
        length, kind = struct.unpack_from("IH", data)
        if kind == 2:
            code = -struct.unpack_from("i", data, 16)[0]
            if code:
                raise OSError(code, "the network inside the walls: " + os.strerror(code))
            count += 1
        data = data[(length + 3) & ~3 :]
    return count


def _message(kind: int, flags: int, number: int, body: bytes) -> bytes:
    return struct.pack("IHHII", 16 + len(body), kind, flags, number, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _nested(kind: int, value: bytes) -> bytes:
    return _attribute(kind | 0x8000, value)


def _text(kind: int, value: str) -> bytes:
    return _attribute(kind, value.encode() + b"\0")


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack(">I", value))


def _expression(name: str, body: bytes) -> bytes:
    return _nested(1, _text(1, name) + _nested(2, body))


def _compared(byte: int, *, equal: bool) -> bytes:
    """Go on only if the byte in the register is this one, or any other."""
    value = _nested(3, _attribute(1, struct.pack("B", byte)))
    return _expression("cmp", _number(1, 8) + _number(2, 0 if equal else 1) + value)


def give_up_rights() -> None:
    """Drop the capabilities for good: bubblewrap has seen to it that no program can gain new ones."""
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(47, 4, 0, 0, 0)
    header, none = struct.pack("II", 0x20080522, 0), bytes(24)
    if library.capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")


if __name__ == "__main__":
    main(int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
