"""nginx's configuration for a site, as values and as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dz import names
from dz.adapters import templating
from dz.errors import InvalidConfig, NoAppserver, ProxyRefused

_URL_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/", re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


@dataclass(frozen=True)
class Upstream:
    """Where an app instance listens."""

    address: str
    port: int


@dataclass(frozen=True)
class Vhost:
    """A host name and the version that it shows.

    Args:
        site_port: local stacks: a port on 127.0.0.1 that shows this host, whatever host name a request has.
        project: the project's name.
        version: the number of the release that is shown.
        static_sha256: names the layer of static files.
        static_size: its size in bytes.
        static_map: pairs of URL path and folder inside the layer.
        default: the host shows whatever version is published; False: it always shows this one.
        health_path: requested to prove that the site answers.
        silence: seconds for which an app instance may say nothing while it answers.
        body_mb: the largest request body, in megabytes of 1,048,576 bytes.
    """

    name: str
    site_port: int | None
    project: str
    version: int
    upstreams: tuple[Upstream, ...]
    static_sha256: str | None
    static_map: tuple[tuple[str, str], ...]
    default: bool = True
    static_size: int = 0
    health_path: str = "/"
    silence: int = 65
    body_mb: int = 100

    @property
    def label(self) -> str:
        """The value of the header X-DjangoZoom, which says who answered."""
        return f"{self.project} v{self.version}"


@dataclass(frozen=True)
class SiteConfig:
    """All host names of one project."""

    sysid: str
    vhosts: tuple[Vhost, ...]


def render(site: SiteConfig, *, statics: Mapping[str, Path]) -> str:
    """Return nginx's configuration for a site.

    Args:
        statics: the folder of each extracted static layer, by its sha256.

    Raises:
        InvalidConfig: a URL path of static files cannot be served.
        ProxyRefused: nginx could take a value for syntax.
    """
    check(site)
    upstreams: dict[str, tuple[Upstream, ...]] = {}
    hosts = []
    for vhost in sorted(site.vhosts, key=lambda vhost: vhost.name):
        upstream = f"{site.sysid}-v{vhost.version}"
        upstreams[upstream] = vhost.upstreams
        root = statics[vhost.static_sha256] if vhost.static_sha256 else None
        hosts.append(
            {
                "name": names.hostname(vhost.name),
                "site_port": vhost.site_port,
                "project": vhost.project,
                "version": vhost.version,
                "upstream": upstream,
                "silence": vhost.silence,
                "body_mb": vhost.body_mb,
                "static_root": root,
                "static": _locations(vhost, root) if root else [],
            }
        )
    local = any(host["site_port"] is not None for host in hosts)
    return templating.render(
        "site.conf.j2", sysid=site.sysid, local=local, hosts=hosts, upstreams=sorted(upstreams.items())
    )


def check(site: SiteConfig) -> None:
    """Refuse a site that nginx could not show.

    Raises:
        NoAppserver: a host has no app instance to show.
        ProxyRefused: the site has no host, or nginx might take an address for something else.
    """
    if not names.SYSID.fullmatch(site.sysid) or not site.vhosts:
        raise ProxyRefused(
            f"Site {site.sysid} has no host name to show; nothing was changed.", "Give the project a host name first."
        )
    for vhost in site.vhosts:
        if not vhost.upstreams:
            raise NoAppserver(
                f"No appserver runs {vhost.label} for {vhost.name}; the proxies were not changed.",
                f"Deploy that version again, or take the host name {vhost.name} away.",
            )
        for upstream in vhost.upstreams:
            if not _ADDRESS.fullmatch(upstream.address):
                raise ProxyRefused(
                    f"{upstream.address!r} is no IPv4 address or host name of an appserver.",
                    "Correct the address with which the appserver is registered.",
                )


def _locations(vhost: Vhost, root: Path) -> list[tuple[str, Path]]:
    """Return checked (URL path, folder) pairs; as both end in a slash in nginx, none can leak the folder above."""
    found: dict[str, Path] = {}
    for url, folder in vhost.static_map:
        path = f"/{url.strip('/')}/"
        if not _URL_PATH.fullmatch(path) or ".." in Path(folder).parts or Path(folder).is_absolute():
            raise InvalidConfig(
                f"Static files cannot be served under the URL path {url!r}.",
                "Use a path such as /media/ of letters, digits and . _ - in site_media_map and STATIC_URL.",
            )
        found.setdefault(path, root / folder)
    return sorted(found.items())
