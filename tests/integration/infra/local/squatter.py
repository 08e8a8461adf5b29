"""A program of another user that takes a server's place and writes down, as hexadecimal, all that it is told.

`squatter.py WAY PLACE`: at a port of 127.0.0.1 or a path, it answers as a plain web server (`http`), by TLS with a
certificate of its own (`tls CERTIFICATE KEY`), or as a PostgreSQL server that asks for the password (`postgres`).
"""

import contextlib
import socket
import ssl
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
ASKS_FOR_THE_PASSWORD = b"R\x00\x00\x00\x08\x00\x00\x00\x03"


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    way, place, *files = sys.argv[1:]
    listener = socket.socket() if place.isdigit() else socket.socket(socket.AF_UNIX)
    if place.isdigit():
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind(("127.0.0.1", int(place)) if place.isdigit() else place)
        listener.listen()
    except OSError as error:
        say(type(error).__name__)
        return
    say("listens")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if files:
        tls.load_cert_chain(*files)
    while True:
        connection = listener.accept()[0]
        connection.settimeout(5)
        with (
            contextlib.suppress(OSError),
            tls.wrap_socket(connection, server_side=True) if files else connection as one,
        ):
            told = one.recv(65536)
            if way == "postgres" and told[4:8] == b"\x04\xd2\x16\x2f":  # asks for TLS first
                one.sendall(b"N")
                told += one.recv(65536)
            one.sendall(ASKS_FOR_THE_PASSWORD if way == "postgres" else ANSWER)
            told += one.recv(65536) if way == "postgres" else b""
            say(told.hex())


main()
