"""The ways through the walls: what a confined program reaches, tried from within."""

import http.server
import json
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import run

import pytest

from dz.adapters.walls import confinement, launcher
from dz.adapters.walls.confinement import Confinement, Network, Walls

NOBODY = (65534, 65534)
TRY = """
import json, socket, sys
found = []
for host, port in json.loads(sys.argv[1]):
    try:
        with socket.create_connection((host, port), 10) as one:
            one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
            found.append(one.recv(12).decode())
    except OSError as error:
        found.append(type(error).__name__)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    """The port of a web server on all addresses of this machine."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Answer) as found:  # noqa: S104 - that is the case
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found.server_address[1]
        found.shutdown()


@pytest.fixture(scope="module")
def own_address() -> str:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address besides loopback")
        return str(probe.getsockname()[0])


told: list[str] = []
"""What the last program found in its log."""


def confined(walls: Walls, argv: tuple[str, ...], network: Network) -> Confinement:
    user = NOBODY if os.geteuid() == 0 else None
    wanted = Confinement(argv, Path("/tmp"), walls.python, user=user, network=network)
    return replace(wanted, bwrap=walls.bwrap, docker=walls.docker)


def tried(network: Network, *places: tuple[str, int]) -> list[str]:
    walls = confinement.of_this_server()
    wanted = confined(walls, (str(walls.python), "-c", TRY, json.dumps(places)), network)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(wanted.to_json())
        file.flush()
        done = run(launcher.command(file.name), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    told[:] = done.stderr.splitlines()
    return found


def test_alone_a_program_reaches_nothing(server: int, own_address: str) -> None:
    found = tried(Network(), ("127.0.0.1", server), (own_address, server))
    assert found == ["ConnectionRefusedError", "OSError"]


def test_what_is_open_is_reached_and_no_other_port_or_private_address(server: int, own_address: str) -> None:
    other = socket.create_server(("0.0.0.0", 0))  # noqa: S104 - that is the case
    with other:
        ports = (server, other.getsockname()[1])
        places = [(host, port) for host in ("127.0.0.1", own_address) for port in ports]
        opened = (("127.0.0.1", server), (own_address, server))
        found = tried(Network(open=opened, internet=True), *places)
    assert found[0] == found[2] == "HTTP/1.0 200"
    assert found[1] == "ConnectionRefusedError"
    assert found[3] == "ConnectionResetError"


def test_a_port_within_leads_to_a_socket_outside_that_nobody_else_can_take(server: int) -> None:
    answer = b"HTTP/1.0 200 from the socket\r\n\r\n"
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as outside:
        Path(folder).chmod(0o711)
        path = f"{folder}/socket"
        outside.bind(path)
        Path(path).chmod(0o666)
        outside.listen()

        def serve() -> None:
            with outside.accept()[0] as one:
                one.recv(100)
                one.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        # At that port of the machine somebody else listens.
        network = Network(open=(("127.0.0.1", server),), sockets=((server, path),))
        outside_is_gone = Network(sockets=((server, f"{folder}/missing"),))
        assert tried(network, ("127.0.0.1", server)) == ["HTTP/1.0 200"]
        assert tried(outside_is_gone, ("127.0.0.1", server)) == ["ConnectionResetError"]


BURST = """
import socket, sys
held = []
for _ in range(60):
    one = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
    one.sendall(b"GET / HTTP/1.0\\r\\n")  # unfinished, so that it stays open
    held.append(one)
for one in held:
    one.close()
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10) as one:
    one.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
    print(one.recv(12).decode())
"""


def test_a_passage_outlives_more_connections_than_there_are_descriptors(server: int) -> None:
    walls = confinement.of_this_server()
    network = Network(open=(("127.0.0.1", server), ("localhost", server)))
    wanted = confined(walls, (str(walls.python), "-c", BURST, str(server)), network)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(wanted.to_json())
        file.flush()
        few = ["/usr/bin/env", "prlimit", "--nofile=80:80", *launcher.command(file.name)]
        done = run(few, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "HTTP/1.0 200\n", done.stderr


def test_the_internet_is_no_way_to_private_addresses(server: int, own_address: str) -> None:
    places = [("127.0.0.1", server), (own_address, server), ("169.254.169.254", 80), ("169.254.169.254", 80)]
    found = tried(Network(internet=True), *places)
    assert found == ["ConnectionRefusedError", *["ConnectionResetError"] * 3]
    assert told[-1] == (
        "DjangoZoom refused a connection to 169.254.169.254:80: it is not a public address. "
        "The operator of this server opens it by DZ_EGRESS=169.254.169.254:80."
    )
    assert sum("169.254.169.254:80:" in line for line in told) == 1
