"""What confined programs may reach outside, and the HTTP proxy by which builds do."""

import contextlib
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from dz.adapters.git_urls import is_public

WEB_PORTS = (80, 443)
_MAIL_PORT = 25
"""Where mail servers take mail from each other: a site that was broken into would send spam from the platform's address."""
_HEAD_BYTES = 32_768
_SECONDS = 30
_COMPANIONS = {
    "pypi.org": ("files.pythonhosted.org",),
    "github.com": ("codeload.github.com", "*.githubusercontent.com"),
}
"""Hosts to which a host sends for the files themselves."""

_HOP = (b"connection:", b"proxy-")
"""Headers of the connection to the proxy itself."""

Join = Callable[[socket.socket, socket.socket], None]


@dataclass(frozen=True)
class Hosts:
    """Rules about hosts and addresses.

    Args:
        names: hosts that may be reached where they are public; `*.` and a domain stand for its members.
        open: (host, port) that may have any address.
        closed: addresses of the platform's own servers, as well as this machine's: only their web ports are public.
    """

    names: tuple[str, ...]
    open: tuple[tuple[str, int], ...] = ()
    closed: tuple[str, ...] = ()

    def addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses at which a host may be reached; none if it may not.

        Raises:
            OSError: the name cannot be resolved.
        """
        host = host.lower().rstrip(".")
        anywhere = _listed(host, [name for name, number in self.open if number == port])
        if not (anywhere or (port in WEB_PORTS and _listed(host, self.names))):
            return []
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        return addresses if anywhere else [one for one in addresses if is_public(one)]

    def refusal(self, address: str, port: int) -> str:
        """Say why an address may not be reached; empty if it may: a public one, or one of an open host."""
        if any(address in resolved(*place) for place in self.open if place[1] == port):
            return ""
        if not is_public(address):
            return "it is not a public address"
        if port == _MAIL_PORT:
            return "mail leaves by port 587 or 465 of a mail server"
        if port not in WEB_PORTS and (address in self.closed or _is_ours(address)):
            return "it is one of the platform's own servers"
        return ""


def _is_ours(address: str) -> bool:
    """Say whether an address is one of this machine's: a packet to it would come from it. None is sent."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))
        except OSError:
            return False
        return str(probe.getsockname()[0]) == address


def resolved(host: str, port: int) -> set[str]:
    """Return the addresses of a host; none if it has none."""
    with contextlib.suppress(OSError):
        return {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    return set()


def _listed(host: str, names: Sequence[str]) -> bool:
    """Say whether a host is one of those named, or one of their companions."""
    whole = [*names, *(other for name in names for other in _COMPANIONS.get(name, ()))]
    return any(name == host or (name.startswith("*.") and host.endswith(name[1:])) for name in whole)


def serve(connection: socket.socket, rules: Hosts, join: Join) -> None:
    """Serve one connection of a client of the proxy: CONNECT for https, and plain requests for http."""
    connection.settimeout(_SECONDS)
    head = _head(connection)
    line, _, rest = head.partition(b"\r\n")
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3:
        _refuse(connection, HTTPStatus.BAD_REQUEST, "the request line is malformed")
        return
    method, target, version = words
    try:
        parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
        host, port = parts.hostname or "", parts.port or (443 if method == "CONNECT" else 80)
    except ValueError:
        _refuse(connection, HTTPStatus.BAD_REQUEST, "the address is malformed")
        return
    outside = _connected(connection, host, port, rules)
    if outside is None:
        return
    with outside:
        if method == "CONNECT":
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
        else:
            # One request a connection: another may be for another host.
            path = parts._replace(scheme="", netloc="").geturl() or "/"
            kept = [name for name in rest.split(b"\r\n") if name and not name.lower().startswith(_HOP)]
            first = f"{method} {path} {version}".encode()
            outside.sendall(b"\r\n".join([first, *kept, b"Connection: close", b"", b""]))
        connection.settimeout(None)
        join(connection, outside)


def _connected(connection: socket.socket, host: str, port: int, rules: Hosts) -> socket.socket | None:
    try:
        addresses = rules.addresses(host, port)
        if not addresses:
            _refuse(connection, HTTPStatus.FORBIDDEN, f"{host}:{port} is not one of the places that a build may reach")
            return None
        outside = _first(addresses, port)
    except OSError as error:
        _refuse(connection, HTTPStatus.BAD_GATEWAY, f"{host}:{port} does not answer: {error.strerror or error}")
        return None
    outside.settimeout(None)
    return outside


def _first(addresses: Sequence[str], port: int) -> socket.socket:
    """Connect to the first address that answers."""
    for address in addresses[:-1]:
        with contextlib.suppress(OSError):
            return socket.create_connection((address, port), _SECONDS)
    return socket.create_connection((addresses[-1], port), _SECONDS)


def _head(connection: socket.socket) -> bytes:
    """Return the request line and the headers, read byte by byte so that nothing of a body is taken."""
    data = bytearray()
    while not data.endswith(b"\r\n\r\n") and len(data) < _HEAD_BYTES:
        chunk = connection.recv(1)
        if not chunk:
            break
        data += chunk
    return bytes(data)


def _refuse(connection: socket.socket, status: HTTPStatus, why: str) -> None:
    body = f"DjangoZoom: {why}.\n".encode()
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
