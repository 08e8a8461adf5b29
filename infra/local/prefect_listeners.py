"""`python -m infra.local.prefect_listeners UI_PORT API_PORT CERTIFICATE KEY` is Prefect's server at two ports of 127.0.0.1.

Prefect's own command listens at one port and cannot speak TLS. Here people's browsers find it at the first port as they
would, and the platform's own clients at the second, by TLS.
"""

import asyncio
import functools
import logging
import socket
import ssl
import sys
from collections.abc import Callable
from typing import cast

import uvicorn
from prefect.server.api.server import create_app
from prefect.settings import get_current_settings

from infra.local.kept_ports import bound


class Server(uvicorn.Server):
    """Answers at a further socket by TLS.

    Args:
        config: of the server; of the sockets, it knows nothing.
        further: the socket.
        tls: certificate and key.
    """

    def __init__(self, config: uvicorn.Config, further: socket.socket, tls: ssl.SSLContext) -> None:
        super().__init__(config)
        self._further, self._tls = further, tls

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen at the plain sockets, then at the other."""
        await super().startup(sockets)
        protocol: functools.partial[asyncio.Protocol] = functools.partial(
            cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        loop = asyncio.get_running_loop()
        self.servers.append(
            await loop.create_server(protocol, sock=self._further, ssl=self._tls, backlog=self.config.backlog)
        )


def main(ui_port: int, api_port: int, certificate: str, key: str) -> None:
    """Serve until somebody asks to end."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    api = get_current_settings().server.api
    level = get_current_settings().server.logging_level.lower()
    config = uvicorn.Config(
        create_app(final=True),
        timeout_keep_alive=api.keepalive_timeout,
        ws_ping_interval=api.websocket_ping_interval,
        ws_ping_timeout=api.websocket_ping_timeout,
        log_level=logging.getLevelNamesMapping().get(level.upper(), logging.WARNING),
    )
    ui, further = bound(ui_port), bound(api_port)
    for one in (ui, further):
        # Inherited by connections, whose ends are then in nobody's way when the stack is started anew.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    Server(config, further, tls).run(sockets=[ui])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
