"""Changes what a proxy shows: tests a configuration, puts it in place, loads it and proves it, or takes it back."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from dz.adapters.nginx import Nginx
from dz.errors import ProxyRefused
from dz.tasklib.proxies.config import SiteConfig, Vhost, check, render


def publish(site: SiteConfig, *, nginx: Nginx, static_fetch: Callable[[str, int], Path], timeout: float = 20) -> bool:
    """Make a proxy show a site and prove that it does; return whether anything had to change.

    Args:
        static_fetch: given sha256 and size of a static layer, returns the folder it is extracted in.
        timeout: seconds that each proof may take.

    Raises:
        NoAppserver: a host has no app instance to show.
        ProxyRefused: nginx refused the configuration or did not load it, or the site does not answer through it;
            the old configuration still serves.
        ServiceUnavailable: nginx is not running.
    """
    check(site)
    layers = {vhost.static_sha256: vhost.static_size for vhost in site.vhosts if vhost.static_sha256}
    statics = {sha256: static_fetch(sha256, size) for sha256, size in layers.items()}
    text = render(site, statics=statics)
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
    """Request every host until it shows its version; on a host that follows what is published, the app must answer."""
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


def wrong(site: SiteConfig, *, nginx: Nginx, timeout: float) -> str:
    """Return what is wrong with the hosts of a site as this proxy shows them now; empty if nothing."""
    if not site.vhosts:
        return "there is nothing to show"
    found = ((vhost.name, _answer(vhost, nginx, timeout)) for vhost in site.vhosts)
    return "; ".join(f"{name} {text}" for name, text in found if text)


def _answer(vhost: Vhost, nginx: Nginx, timeout: float) -> str | None:
    """Return what is wrong with a host's answer, or None."""
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
