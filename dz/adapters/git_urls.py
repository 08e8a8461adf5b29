"""Decides which source URLs are accepted, from the text and, for public hosts, from every address of the name.

Sources: threats T02-T07 and T60; IANA's registries of special-purpose IPv4 and IPv6 addresses.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from dz.errors import InvalidRepoUrl, RepoUnreachable

Resolver = Callable[[str, int], list[str]]

_PRINTABLE = re.compile(r"[!-~]{1,2000}", re.ASCII)
_URL_LIKE = re.compile(r"[a-z][a-z0-9+.-]*://", re.ASCII | re.IGNORECASE)
_PATH = re.compile(r"(/[A-Za-z0-9._~+,=-]+)+/?", re.ASCII)
_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_MERCURIAL = re.compile(r"(hg[+:]|static-http://|[a-z+]+://(hg@|hg\.|[^/]*@hg\.))", re.ASCII | re.IGNORECASE)
_REMEDY = "Give the https:// address of a git repository, as its web page shows it for cloning."
_SPECIAL = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class Source:
    """A source URL that passed all checks.

    Args:
        url: the URL for git, free of secrets.
        scheme: git, http or https: the only protocol that git may speak for it.
        pin: `HOST:PORT:ADDRESS,...` for public hosts: the addresses that were checked; None for listed sources.
    """

    url: str
    scheme: str
    pin: str | None


def check(url: str, allowed: Collection[str], resolver: Resolver | None = None) -> Source:
    """Return `url` as a source that git may fetch.

    Args:
        url: what somebody typed.
        allowed: the operator's list: public host names, and `scheme://HOST:PORT` for internal sources.
        resolver: returns the addresses of a name; default: the system's.

    Raises:
        InvalidRepoUrl: malformed, of a forbidden kind, not on the list, or an address is not public.
        RepoUnreachable: the name does not exist.
    """
    scheme, host, port = _parse(url)
    listed = {entry.rstrip("/").lower() for entry in allowed}
    if port is not None and f"{scheme}://{host}:{port}" in listed:
        return Source(url, scheme, None)
    if scheme != "https" or port not in (None, 443):
        _refuse(f"{scheme}://{host}{f':{port}' if port else ''} is not on the operator's list of sources.")
    if not _NAME.fullmatch(host):
        _refuse(f"{host!r} is not the name of a public host.")
    if host not in listed:
        names = ", ".join(sorted(entry for entry in listed if "://" not in entry))
        raise InvalidRepoUrl(
            f"{host} is not on the operator's list of source hosts.",
            f"Use a repository on one of: {names or 'none'}; or ask the operator to add the host (setting git_hosts).",
        )
    found = (resolver or _resolve)(host, 443)
    for address in found:
        if not is_public(address):
            _refuse(f"{host} has the address {address}, which is not a public one.")
    return Source(url, scheme, f"{host}:443:{','.join(_bracket(address) for address in found)}")


def is_public(text: str) -> bool:
    """Tell whether `text` is a canonical address of a public machine."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False  # this excludes IPv4-mapped, NAT64, unique local and link-local addresses, too
    return not any(address in network for network in _SPECIAL if network.version == address.version)


def _parse(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port; errors quote nothing of a URL until it is known to hold no password."""
    if url.startswith("-"):
        _refuse("The source URL begins with '-'.")
    if not _PRINTABLE.fullmatch(url) or "\\" in url:
        _refuse("The source URL is empty, too long, or has blanks, backslashes or characters other than plain ASCII.")
    if _MERCURIAL.match(url):
        raise InvalidRepoUrl(
            "The source URL is one of a Mercurial repository; only git is supported.",
            "Convert the repository to git (for example with hg-fast-export) and give the git repository's https:// URL.",
        )
    if not _URL_LIKE.match(url):
        _refuse("The source is not a URL with a scheme: local paths, ssh addresses and git helpers are not accepted.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        _refuse("The source URL's host or port is malformed.")
    if "@" in parts.netloc:
        raise InvalidRepoUrl(
            "The source URL has a user name or a token in it.",
            "Remove everything before '@'; and if it was a token, revoke it: it may lie in a shell's history.",
        )
    return _plain(url, parts, host, port)


def _plain(url: str, parts: SplitResult, host: str, port: int | None) -> tuple[str, str, int | None]:
    scheme = parts.scheme
    if scheme not in ("https", "http", "git"):
        _refuse(f"Sources of the kind {scheme}:// are not accepted.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        _refuse("The source URL has a '?' or '#' part.")
    if not _PATH.fullmatch(parts.path) or any(set(piece) == {"."} for piece in parts.path.split("/") if piece):
        _refuse("The path of the source URL is missing, or has '..', '//', '%' or other unusual characters.")
    if any(piece.startswith("-") for piece in (host, *parts.path.split("/"))):
        _refuse("A part of the source URL begins with '-'.")
    return scheme, f"[{host}]" if ":" in host else host, port


def _refuse(found: str) -> NoReturn:
    raise InvalidRepoUrl(found, _REMEDY)


def _bracket(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def addresses(host: str, port: int) -> list[str]:
    """Return every address of a host name, as the system resolves it; raises OSError if there is none."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def _resolve(host: str, port: int) -> list[str]:
    try:
        return addresses(host, port)
    except OSError as error:
        raise RepoUnreachable(
            f"The host name {host} of the source URL cannot be resolved: {error.strerror}.",
            "Check the spelling of the URL; if it is right, the build server's DNS has a problem.",
        ) from error
