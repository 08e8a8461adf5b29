"""What a proxy shows of a project: rendered, tested, put in place, proved, or taken back."""

import contextlib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dz import names
from dz.adapters import templating
from dz.adapters.nginx import Nginx
from dz.errors import InvalidConfig, NoAppserver, ProxyRefused

_URL_PATH = re.compile(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+/", re.ASCII)
_ADDRESS = re.compile(r"[A-Za-z0-9.-]+", re.ASCII)


@dataclass(frozen=True)
class Upstream:
    """An app instance: where it listens."""

    address: str
    port: int


@dataclass(frozen=True)
class Vhost:
    """A host name and the version that it shows.

    Args:
        site_port: local stacks: a port on 127.0.0.1 that shows this host whatever name is asked for.
        project: the project's name.
        version: the number of the release that is shown.
        static_sha256: the layer of static files.
        static_size: its size in bytes.
        static_map: (URL path, folder inside the layer).
        default: it follows what is being published; False: it always shows this version.
        health_path: requested to prove that the site answers.
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

    @property
    def label(self) -> str:
        """The value of the header X-DjangoZoom: who answered."""
        return f"{self.project} v{self.version}"


@dataclass(frozen=True)
class SiteConfig:
    """All host names of one project."""

    sysid: str
    vhosts: tuple[Vhost, ...]


def render(site: SiteConfig, *, port: int, statics: Mapping[str, Path]) -> str:
    """Return the configuration of a site.

    Args:
        port: the proxy's main port.
        statics: the folder of each extracted static layer, by its sha256.

    Raises:
        InvalidConfig: a URL path of static files cannot be served.
        ProxyRefused: a value could be read as syntax of nginx.
    """
    _check(site)
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
                "static_root": root,
                "static": _locations(vhost, root) if root else [],
            }
        )
    return templating.render("site.conf.j2", port=port, hosts=hosts, upstreams=sorted(upstreams.items()))


def publish(site: SiteConfig, *, nginx: Nginx, static_fetch: Callable[[str, int], Path], timeout: float = 20) -> bool:
    """Make a proxy show a site and prove that it does; return whether anything had to change.

    Args:
        static_fetch: given sha256 and size of a static layer, returns the folder it is extracted in.
        timeout: seconds that each proof may take.

    Raises:
        NoAppserver: a host has no app instance to show.
        ProxyRefused: nginx refused the configuration or did not load it, or the site does not answer through it;
            the old one serves.
        ServiceUnavailable: nginx does not run.
    """
    _check(site)
    layers = {vhost.static_sha256: vhost.static_size for vhost in site.vhosts if vhost.static_sha256}
    statics = {sha256: static_fetch(sha256, size) for sha256, size in layers.items()}
    text = render(site, port=nginx.port, statics=statics)
    with nginx.writer():
        if nginx.site(site.sysid) == text and nginx.generation() == nginx.wanted():
            return False
        nginx.test(site.sysid, text)
        _change(nginx, site.sysid, text, lambda: _prove(site, nginx, timeout), timeout)
    return True


def remove(sysid: str, *, nginx: Nginx, timeout: float = 20) -> None:
    """Take a site away from a proxy.

    Raises:
        ProxyRefused: the proxy has no such site, or nginx did not load the rest.
    """
    with nginx.writer():
        if nginx.site(sysid) is None:
            raise ProxyRefused(f"This proxy shows no site {sysid}.", "Nothing is to be done; it is gone already.")
        _change(nginx, sysid, None, lambda: None, timeout)


def _change(nginx: Nginx, sysid: str, text: str | None, prove: Callable[[], None], timeout: float) -> None:
    nginx.replace(sysid, text)
    try:
        nginx.load(timeout=timeout)
        prove()
    except BaseException:
        nginx.undo()
        with contextlib.suppress(Exception):
            nginx.load(timeout=timeout)
        raise
    nginx.keep()


def _prove(site: SiteConfig, nginx: Nginx, timeout: float) -> None:
    """Ask for every host until it shows its version; for what is being published, the app must answer, too."""
    deadline = time.monotonic() + timeout
    for vhost in site.vhosts:
        found = _answer(vhost, nginx, timeout)
        while found and time.monotonic() < deadline:
            time.sleep(0.1)
            found = _answer(vhost, nginx, timeout)
        if found:
            raise ProxyRefused(
                f"{vhost.name} should show {vhost.label} but {found}; the old configuration still serves.",
                "Check that this proxy reaches the app instances: "
                + ", ".join(f"{upstream.address}:{upstream.port}" for upstream in vhost.upstreams),
            )


def _answer(vhost: Vhost, nginx: Nginx, timeout: float) -> str | None:
    """Return what is wrong with the answer of a host; None: nothing."""
    try:
        status, headers = nginx.get(
            port=vhost.site_port or nginx.port, host=vhost.name, path=vhost.health_path, timeout=timeout
        )
    except OSError as error:
        return f"does not answer ({error})"
    if headers.get("X-DjangoZoom") != vhost.label:
        return f"shows {headers.get('X-DjangoZoom', 'another site')}"
    if vhost.default and status in {502, 504}:
        return f"answers {status}"
    return None


def _check(site: SiteConfig) -> None:
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
    """Return (URL path, folder), both checked: pairs that each end in a slash never leak the folder above."""
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
