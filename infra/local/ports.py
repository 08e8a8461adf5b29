"""Ports of a local stack: free ones are chosen once and kept."""

import contextlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from dz.adapters import files
from dz.adapters.ports import is_free
from dz.errors import PortTaken, StackProblem

WIDTH = 2000
"""How many ports a stack reserves for itself, from `base`."""
BLOCKS = tuple(range(10_000, 32_000, WIDTH))
"""The first port of each block; all are below those that Linux gives to outgoing connections (32768 and up)."""
MOST_SERVERS = 18
_PREFECT_API, _PROXIES, _STATUS, _APPS, _SITES, _RANGE = 5, 10, 50, 100, 1000, 50


@dataclass(frozen=True)
class Ports:
    """The ports of one stack, all on 127.0.0.1.

    Args:
        base: the first port of the block that numbered servers take theirs from.
    """

    base: int
    prefect: int
    postgres_platform: int
    postgres_sites: int
    s3: int
    git: int

    @property
    def prefect_api(self) -> int:
        """The port at which the stack's own clients find Prefect's server, by TLS."""
        return self.base + _PREFECT_API

    def proxy(self, number: int) -> int:
        """Return the port on which proxy `number`, from 1, tells sites apart by host name."""
        return self.base + _PROXIES + _within(number)

    def proxy_status(self, number: int) -> int:
        """Return the port on which proxy `number` reports its generation."""
        return self.base + _STATUS + _within(number)

    def apps(self, number: int) -> tuple[int, int]:
        """Return the first and last port of app instances of appserver `number`, from 1."""
        first = self.base + _APPS + _RANGE * _within(number)
        return first, first + _RANGE - 1

    def sites(self, number: int) -> tuple[int, int]:
        """Return the first and last port of single sites on proxy `number`, from 1."""
        first = self.base + _SITES + _RANGE * _within(number)
        return first, first + _RANGE - 1


def choose(path: Path, *, seed: str, base: int | None) -> Ports:
    """Return the ports that `path` holds; the first call chooses a free block.

    Args:
        path: a JSON file; a person may edit the numbers in it while the stack is down.
        seed: hexadecimal digits that let stacks of one machine begin their search at different blocks.
        base: the first port, if a person has chosen it.

    Raises:
        StackProblem: the file is damaged, or the first port is too low or too high.
        PortTaken: no block is free.
    """
    if base and not 1024 <= base <= 65_536 - WIDTH:
        raise StackProblem(
            f"DZ_PORT_BASE is {base}, from which there are no {WIDTH} ports for a stack.",
            f"Give a number from 1024 to {65_536 - WIDTH}.",
        )
    if not path.exists():
        start = int(seed, 16) % len(BLOCKS)
        blocks = (base,) if base else BLOCKS[start:] + BLOCKS[:start]
        files.write(path, json.dumps(asdict(_ports_from(_free_block(blocks))), indent=2) + "\n", mode=0o600)
    try:
        return Ports(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise StackProblem(
            f"The file {path} of the stack's ports is damaged.", "Delete it; `dz up` then chooses ports anew."
        ) from error


def listener(port: int) -> str:
    """Return who listens on a port, as far as this process may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == "LISTEN" and connection.laddr[1:] == (port,) and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"


def _free_block(blocks: tuple[int, ...]) -> int:
    for base in blocks:
        if all(is_free(port) for port in range(base, base + WIDTH)):
            return base
    raise PortTaken(
        f"No free ports: in each block of {WIDTH} ports from {', '.join(map(str, blocks))} another program listens.",
        f"Stop that program, or name a free block of {WIDTH} ports with DZ_PORT_BASE.",
    )


def _ports_from(base: int) -> Ports:
    return Ports(base, *range(base, base + 5))


def _within(number: int) -> int:
    if 1 <= number <= MOST_SERVERS:
        return number - 1
    raise StackProblem(
        f"A local stack holds at most {MOST_SERVERS} servers of a role.",
        "Ask for fewer; real servers have no such bound.",
    )
