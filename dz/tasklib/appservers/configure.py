"""Writes the files of an app instance: its variables, its walls, gunicorn's configuration, and the folders it may write to."""

import contextlib
import ipaddress
import json
import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import select

from dz.adapters import files, trees, users, writable_tree
from dz.adapters.walls.confinement import Network, Walls
from dz.adapters.walls.limits import USUAL, Limits
from dz.tasklib import databases
from dz.tasklib.appservers import gunicorn, hostnames, walls
from dz.tasklib.appservers.instance import AppInstance
from dz.tasklib.databases import Credentials
from dz.tasklib.variables.of_release import variables_of
from dz.zoomdb import Zoomdb
from dz.zoomdb.models import Server


def configure(
    zoomdb: Zoomdb,
    instance: AppInstance,
    *,
    owner: tuple[int, int] | None,
    local_names: Sequence[str] = (),
    egress: Sequence[tuple[str, int]] = (),
    database_socket: Path | None = None,
    within: Walls,
    limits: Limits = USUAL,
    group: str = "",
) -> None:
    """Write the files of an app instance.

    Args:
        owner: uid and gid of the project's user; None: this process's own.
        local_names: further names under which a local stack shows every site, e.g. 127.0.0.1.
        egress: (host, port) of private addresses that the operator lets sites reach.
        database_socket: the Unix socket of a database server on this machine.
        within: what its walls are made of.
        limits: how much it may use.
        group: the control group of its project; empty: none.
    """
    login, servers = databases.credentials(zoomdb, instance.project_id), _addresses(zoomdb)
    variables = variables_of(
        zoomdb,
        instance.release_id,
        credentials=login,
        hosts=[*instance.hosts, *local_names] if _takes_hosts(instance) else ["*"],
        origins=[f"{scheme}://{host}" for host in instance.hosts for scheme in ("https", "http")],
        static_url=instance.manifest.static_url,
        media_root=str(instance.media),
    )
    here = database_socket if _is_here(login, database_socket) else None
    if here and not within.bwrap:
        # Without walls a site logs in at the port, where another program could ask for the password when the server
        # has died. SCRAM tells it nothing and asks it for proof; libpq before 16 does not know the variable.
        variables["PGREQUIREAUTH"] = "scram-sha-256"
    collected = {"DZ_STATIC_ROOT": str(instance.static_root)} if instance.static_root else {}
    write_files(instance, {**variables, **collected}, owner=owner, proxies=servers["proxy"])
    closed = {address for addresses in servers.values() for address in addresses}
    network = Network(
        open=((login.host, login.port), *egress),
        sockets=((login.port, str(here)),) if here else (),
        internet=True,
        closed=tuple(sorted(closed)),
    )
    write_walls(instance, owner=owner, network=network, within=within, limits=limits, group=group)
    files.write(instance.hosts_file, hostnames.text(instance.hosts, local_names), mode=0o644)


def _is_here(login: Credentials, socket_path: Path | None) -> bool:
    """Say whether a database is on the server with that socket, whose name ends with the server's port."""
    at_home = login.host in {"127.0.0.1", "localhost", "::1"}
    return bool(socket_path and at_home and socket_path.name.endswith(f".{login.port}"))


def _takes_hosts(instance: AppInstance) -> bool:
    """Say whether a bundle's shim reads the file of host names; for an older one nginx alone decides what reaches it."""
    shim = instance.bundle / "dz"
    return not shim.is_dir() or (shim / "dz_front.py").exists()


def write_files(
    instance: AppInstance,
    variables: Mapping[str, str],
    *,
    owner: tuple[int, int] | None,
    proxies: Sequence[str] = ("127.0.0.1",),
) -> None:
    """Write the files of an app instance; only the project's user can read the variables.

    Args:
        proxies: addresses of the platform's proxies.
    """
    instance.own.mkdir(parents=True, exist_ok=True, mode=0o755)
    instance.media.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    for folder, mode in ((instance.home, 0o700), (instance.media, 0o755)):
        folder.mkdir(exist_ok=True, mode=mode)
        if owner:
            os.chown(folder, *owner, follow_symlinks=False)
    trees.folder_below(instance.home, "tmp", mode=0o700, owner=owner)
    users.closed_folder(instance.bundle.parent, owner)
    if written := instance.manifest.written:
        writable_tree.make(instance.bundle / "src", instance.written_source, written=written, owner=owner)
    files.write(instance.gunicorn_file, gunicorn.config(instance, proxies=proxies), mode=0o644)
    own = {"DZ_PROXIES": ",".join(proxies), "DZ_HOSTS_FILE": str(instance.hosts_file)}
    # gunicorn would let this variable overrule its file, the address included; the plan has what it says.
    given = {name: value for name, value in variables.items() if name != "GUNICORN_CMD_ARGS"}
    # The project's user reads its variables and cannot change them: the platform reads the file, too.
    reader, mode = ((os.geteuid(), owner[1]), 0o440) if owner else (None, 0o400)
    files.write(instance.env_file, json.dumps({**given, **own}, sort_keys=True), mode=mode, owner=reader)


def write_walls(
    instance: AppInstance,
    *,
    owner: tuple[int, int] | None,
    network: Network,
    within: Walls,
    limits: Limits = USUAL,
    group: str = "",
) -> None:
    """Write what the processes of an app instance see and reach, and how much they may use."""
    confined = walls.of_instance(instance, owner=owner, network=network, walls=within, limits=limits, group=group)
    files.write(instance.walls_file, confined.to_json(), mode=0o644)


def _addresses(zoomdb: Zoomdb) -> dict[str, list[str]]:
    """Return the addresses of the registered servers by role, each with this machine's, which may be one of them."""
    with zoomdb.session() as session:
        named = {(role, address) for role, address in session.execute(select(Server.role, Server.address))}
    found = {"proxy": {"127.0.0.1"}}
    for role, address in named:
        with contextlib.suppress(ValueError, OSError):
            known = found.setdefault(role, {"127.0.0.1"})
            known.add(address if _is_address(address) else socket.gethostbyname(address))
    return {role: sorted(addresses) for role, addresses in found.items()}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
