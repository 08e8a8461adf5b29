"""The addresses in requirement lines: which may be asked, and the names and passwords that variables hold for them.

A project writes `git+https://${TOKEN}@host/pkg.git`, as pip reads it; the value is a variable of the project. It reaches
uv and git in a netrc file of the project's user, never an argument, a line that is stored, or a log.
Sources: pip's requirements file format, "Using environment variables"; the file format of ftp(1), netrc.
"""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from dz.adapters import git_urls
from dz.adapters.git_urls import Resolver, is_public
from dz.errors import InvalidRequirement, MissingEnvironment, ServiceUnavailable

_URL = re.compile(r"(?:git\+)?https://[^\s;]+", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._:-]+", re.ASCII)
_FILLED_IN = re.compile(r"\$\{([A-Z_][A-Z0-9_]*)\}")
_BY_VARIABLES = re.compile(
    r"(?:[A-Za-z0-9._~-]*|\$\{[A-Z_][A-Z0-9_]*\})(?::(?:x-oauth-basic|\$\{[A-Z_][A-Z0-9_]*\})?)?"
)
_PLAIN = re.compile(r"[!$-\[\]-~]+", re.ASCII)
"""What netrc can hold without quotes: no blanks, quotes, hashes or backslashes."""


def by_variables(netloc: str) -> bool:
    """Say whether the name and password before a host are given by variables of the project."""
    info = netloc.rpartition("@")[0]
    return bool(_FILLED_IN.search(info) and _BY_VARIABLES.fullmatch(info))


def variables_in(lines: Iterable[str]) -> list[str]:
    """Return the names of the variables that addresses in the lines need."""
    found = (_FILLED_IN.findall(parts.netloc) for _, parts in _addresses(lines))
    return sorted({name for names in found for name in names})


def hosts_in(lines: Iterable[str]) -> list[str]:
    """Return the hosts of the addresses in the lines."""
    return sorted({parts.hostname or "" for _, parts in _addresses(lines)})


def without_credentials(line: str) -> str:
    """Return a requirement line whose address names neither user nor password."""
    for url, parts in _addresses([line]):
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        line = line.replace(url, bare)
    return line


def netrc(lines: Iterable[str], variables: Mapping[str, str]) -> str:
    """Return a netrc file with the names and passwords for the addresses in the lines.

    Raises:
        MissingEnvironment: a variable has no value.
        InvalidRequirement: a value cannot stand in netrc, or two addresses of one host need different ones.
    """
    missing = [name for name in variables_in(lines) if name not in variables]
    if missing:
        raise MissingEnvironment(
            f"The requirements need {', '.join(missing)} for the address of a private package.",
            "Set the variable of the project, for example with `dz variables PROJECT --ask NAME`.",
        )
    found: dict[str, tuple[str, str]] = {}
    for _, parts in _addresses(lines):
        if "@" not in parts.netloc:
            continue
        login = _login(parts.netloc.rpartition("@")[0], variables)
        if found.setdefault(parts.hostname or "", login) != login:
            raise InvalidRequirement(
                f"Two requirements at {parts.hostname} need different passwords.", "Use one token that can read both."
            )
    return "".join(f"machine {host} login {name} password {word}\n" for host, (name, word) in found.items())


def check(lines: Iterable[str], allowed: Collection[str], resolver: Resolver | None = None) -> None:
    """Refuse lines whose address is not one of a public machine.

    Args:
        allowed: the operator's list of sources; `https://HOST[:PORT]` in it may be anywhere.
        resolver: returns the addresses of a name and port; default: the system's.

    Raises:
        InvalidRequirement: an address is private, or its host no name.
        ServiceUnavailable: a name cannot be resolved (transient).
    """
    listed = {entry.rstrip("/").lower() for entry in allowed}
    asked = {(parts.hostname or "", parts.port or 443) for _, parts in _addresses(lines)}
    for host, port in sorted(asked):
        if not listed.isdisjoint({f"https://{host}:{port}", f"https://{host}" if port == 443 else ""}):
            continue
        if not _HOST.fullmatch(host):
            raise InvalidRequirement(
                f"A requirement is to be fetched from {host!r}, which is not the name of a host.",
                "Write the whole name of the host; `*` stands for nothing here.",
            )
        private = [text for text in (resolver or _resolve)(host, port) if not is_public(text)]
        if private:
            raise InvalidRequirement(
                f"A requirement is to be fetched from {host}, whose address {private[0]} is not a public one.",
                "Use a public address, or ask the operator to add https://HOST:PORT to the sources (setting git_hosts).",
            )


def _addresses(lines: Iterable[str]) -> Iterator[tuple[str, SplitResult]]:
    for line in lines:
        for url in _URL.findall(line):
            with contextlib.suppress(ValueError):  # a malformed one is refused where the line is read
                yield url, urlsplit(url)


def _login(info: str, variables: Mapping[str, str]) -> tuple[str, str]:
    name, _, word = info.partition(":")
    # A token alone is GitHub's way, which takes this password with it.
    values = [_filled_in(part, variables) for part in (name or "x-access-token", word or "x-oauth-basic")]
    if not all(_PLAIN.fullmatch(value) for value in values):
        names = ", ".join(_FILLED_IN.findall(info))
        raise InvalidRequirement(
            f"The value of {names} cannot be used in an address: it has blanks, quotes, '#' or other special characters.",
            "Use a token of plain letters, digits and punctuation.",
        )
    return values[0], values[1]


def _filled_in(text: str, variables: Mapping[str, str]) -> str:
    return _FILLED_IN.sub(lambda found: variables[found[1]], text)


def _resolve(host: str, port: int) -> list[str]:
    try:
        return git_urls.addresses(host, port)
    except OSError as error:
        raise ServiceUnavailable(
            f"The host {host} of a requirement cannot be resolved: {error.strerror}.",
            "Check the spelling of the address; if it is right, the build server's DNS has a problem.",
        ) from error
