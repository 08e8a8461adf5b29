"""`python -m infra.local.kept_ports PORT...` keeps ports of 127.0.0.1 for the user it runs as, and never listens.

A server that ends leaves its port to anybody, and browsers would send the newcomer what they send the server: Prefect's
UI its password, every few seconds. While another socket is bound to the port, only a socket of the same user that asks
for SO_REUSEPORT, too, can be bound to it, so the server can come back and nobody else can come.
Source: socket(7), SO_REUSEPORT; tried on Linux 6.18.
"""

import signal
import socket
import sys


def bound(port: int) -> socket.socket:
    """Return a socket that is bound to a port of 127.0.0.1 beside others of this user."""
    # Only where the protocol is named asyncio turns Nagle's algorithm off: else an answer may wait 40 ms for its end.
    one = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # Without SO_REUSEADDR: with it, anybody else who sets it could be bound while nobody listens.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("127.0.0.1", port))
    return one


def main(ports: list[int]) -> None:
    """Keep the ports until somebody asks to end."""
    kept = [bound(port) for port in ports]
    while kept:
        signal.pause()


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]])
