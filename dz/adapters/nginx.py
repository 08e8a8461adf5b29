"""One nginx: its folder, changes that can be rolled back, and the proof of what it has loaded."""

import contextlib
import grp
import hashlib
import http.client
import os
import pwd
import re
import secrets
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dz.adapters import files, processes, templating, trees
from dz.errors import ProxyRefused, ServiceUnavailable

_CONFLICT = "conflicting server name"
_GENERATION = re.compile(r"[0-9a-f]{64}")
_READABLE = 0o644
_COMMON = ("nginx.conf", "listen.conf", "generation.conf")
_OVERWRITTEN = (
    *("Forwarded", "Forwarded-For", "X-Forwarded", "X-Forwarded-By", "X-Forwarded-Server", "X-Forwarded-Prefix"),
    *("X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Path", "X-Original-Forwarded-For"),
    *("Front-End-Https", "X-Scheme", "X-Url-Scheme", "X-Host", "X-HTTP-Host-Override", "X-Original-Host"),
    *("X-Original-URL", "X-Rewrite-URL", "X-Script-Name", "Client-IP", "X-Client-IP", "X-Cluster-Client-IP"),
    *("X-ProxyUser-IP", "Proxy"),
)
"""Headers that proxies of other kinds write and applications believe; none of a visitor's reaches a site."""
_OF_CACHES = ("CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP")
"""Headers in which networks of caches name a visitor's address."""
_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Limits:
    """What a proxy gives to one site and to one of its visitors.

    Args:
        site_connections: how many requests of a site may be under way at once.
        visitor_connections: how many of them may come from one address.
        visitor_requests: how many requests a second one address may send to a site; five seconds' worth may come at once.
    """

    site_connections: int = 1000
    visitor_connections: int = 500
    visitor_requests: int = 1000


class Nginx:
    """The nginx of one proxy; hold `writer()` while changing its sites.

    Args:
        binary: the program itself, not a wrapper.
        folder: holds everything of this proxy; nginx runs with `-p folder -c folder/nginx.conf`.
        port: where users reach the sites.
        status_port: on 127.0.0.1, where nginx reports its generation.
        user: the Unix user of the workers when nginx is started by root; else None.
        addresses: where nginx listens on `port`; IPv6 in brackets.
        trusted_proxies: addresses and networks whose X-Forwarded headers are believed.
        limits: what a site and a visitor may take; None: the defaults.
    """

    def __init__(
        self,
        binary: Path,
        folder: Path,
        *,
        port: int,
        status_port: int,
        user: str | None = None,
        addresses: Sequence[str] = ("127.0.0.1",),
        trusted_proxies: Sequence[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self.binary, self.folder, self.port, self.status_port, self.user = binary, folder, port, status_port, user
        self._addresses, self._trusted, self._limits = addresses, trusted_proxies, limits or Limits()
        self._sites, self._undo = folder / "sites", folder / "undo"

    @property
    def command(self) -> list[str]:
        """The argument list that runs this nginx in the foreground."""
        return [
            str(self.binary),
            "-p",
            f"{self.folder}/",
            "-c",
            str(self.folder / "nginx.conf"),
            "-e",
            "logs/error.log",
        ]

    def write_main(self, *, workers: int = 2, moves: bool = True) -> bool:
        """Write the folders and the main configuration; return whether it changed (a reload is then due).

        Args:
            moves: it may listen elsewhere than before, for it starts anew: a reload could not bind a port that the
                running one has on all addresses.
        """
        for name in ("sites", "undo", "logs", "tmp", "static"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        addresses = self._addresses if moves else self._listening() or self._addresses
        group = self._close()
        values = {
            "user": self.user,
            "group": group,
            "workers": workers,
            "port": self.port,
            "status_port": self.status_port,
            "addresses": addresses,
            "trusted_proxies": self._trusted,
            **asdict(self._limits),
            "visitor_burst": 5 * self._limits.visitor_requests,
            "overwritten": _OVERWRITTEN,
            "of_caches": [(name, name.lower().replace("-", "_")) for name in _OF_CACHES],
        }
        listen = "".join(f"listen {templating.checked(f'{one}:{self.port}')};\n" for one in addresses)
        texts = {"nginx.conf": templating.render("nginx.conf.j2", **values), "listen.conf": listen}
        with self.writer():
            changed = any(_read(self.folder / name) != text for name, text in texts.items())
            if changed:
                # nginx.conf comes last: whoever is killed before it is repeated from the start.
                files.write(self.folder / "listen.conf", listen, mode=_READABLE)
                self._include_listen()
                files.write(self.folder / "nginx.conf", texts["nginx.conf"], mode=_READABLE)
            if changed or not self.wanted():
                self._write_generation()
        return changed

    def _close(self) -> str | None:
        """Close the folder to all but nginx, since its log names what visitors asked for; return nginx's group."""
        if not self.user:
            self.folder.chmod(0o700)
            return None
        group = grp.getgrgid(pwd.getpwnam(self.user).pw_gid)
        os.chown(self.folder, -1, group.gr_gid)
        self.folder.chmod(0o750)
        return group.gr_name

    def _include_listen(self) -> None:
        """Have every site listen where nginx does; one that names the port itself would keep it on all addresses."""
        for site in self._sites.glob("*.conf"):
            named = site.read_text()
            if (text := named.replace(f"    listen {self.port};\n", "    include listen.conf;\n")) != named:
                files.write(site, text, mode=_READABLE)

    def _listening(self) -> list[str]:
        """Return the addresses of the configuration that is there."""
        listen = _read(self.folder / "listen.conf")
        if listen is None:
            return ["0.0.0.0"] if (self.folder / "nginx.conf").exists() else []  # noqa: S104 - `listen PORT` means it
        return re.findall(r"^listen (\S+):\d+;$", listen, re.MULTILINE)

    def main_digest(self) -> str:
        """Return a digest of the main configuration, which is the same for all sites."""
        texts = [_read(self.folder / name) or "" for name in ("nginx.conf", "listen.conf")]
        return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]

    @contextlib.contextmanager
    def writer(self) -> Iterator[None]:
        """Wait for the lock on the sites and hold it; first undo what a killed writer left unproved."""
        with files.locked(self.folder / "lock"):
            self.undo()
            yield

    def site(self, name: str) -> str | None:
        """Return the configuration of a site, or None."""
        return _read(self._sites / f"{name}.conf")

    def test(self, name: str, text: str) -> None:
        """Let nginx test `text` as the configuration of its only site `name`, in a temporary folder.

        This takes the same time however many other sites there are. Conflicts with them show up in `load`: nginx then
        refuses the new configuration as a whole and keeps the old one.

        Raises:
            ProxyRefused: nginx refuses it; nothing was changed.
        """
        stage = self.folder / f"stage-{os.getpid()}"
        trees.discard_tree(stage)
        (stage / "sites").mkdir(parents=True)
        try:
            for common in _COMMON:
                shutil.copyfile(self.folder / common, stage / common)
            (stage / "sites" / f"{name}.conf").write_text(text)
            argv = [str(self.binary), "-t", "-p", f"{self.folder}/", "-c", str(stage / "nginx.conf"), "-e", "stderr"]
            finished = processes.run(argv, cwd=Path("/"), env=_ENV, timeout=60)
        finally:
            trees.discard_tree(stage)
        if not finished.ok or _CONFLICT in finished.output:
            raise _refused(name, finished.output)

    def replace(self, name: str, text: str | None) -> None:
        """Replace a site's configuration (None: remove it), keeping the old one for `undo`."""
        files.write(self._undo / f"{name}.conf", self.site(name) or "", mode=_READABLE)
        self._put(name, text)
        self._write_generation()

    def keep(self) -> None:
        """Forget what `undo` would restore, because the change is proved."""
        for path in self._undo.glob("*.conf"):
            path.unlink()

    def undo(self) -> None:
        """Restore what `replace` has changed since the last `keep`."""
        left = list(self._undo.glob("*.conf"))
        for path in left:
            self._put(path.stem, path.read_text() or None)
        if left:
            self._write_generation()
        self.keep()

    def reload(self) -> int:
        """Tell nginx to reload its configuration; return the size in bytes of its error log before that.

        Raises:
            ServiceUnavailable: this nginx does not run.
        """
        log = self.folder / "logs" / "error.log"
        size = log.stat().st_size if log.exists() else 0
        self._tell(signal.SIGHUP)
        return size

    def rotate_logs(self, most_bytes: int) -> list[Path]:
        """Put aside logs that have grown too large, in the place of the ones before, and return them."""
        logs = [self.folder / "logs" / name for name in ("access.log", "error.log")]
        with self.writer():  # a change reads the error log
            large = [log for log in logs if log.exists() and log.stat().st_size > most_bytes]
            for log in large:
                log.replace(log.with_name(f"{log.name}.1"))
            if large:
                self._tell(signal.SIGUSR1)  # it opens them anew
        return large

    def load(self, *, timeout: float = 15) -> None:
        """Reload, and wait until nginx proves that it serves the configuration on disk.

        Args:
            timeout: seconds; nginx itself retries a port that is taken for 2.5 seconds.

        Raises:
            ProxyRefused: nginx does not load it, or another site has the same host name.
            ServiceUnavailable: this nginx does not run.
        """
        wanted = self.wanted()
        size = self.reload()
        deadline = time.monotonic() + timeout
        proved_since: float | None = None
        while time.monotonic() < deadline:
            if self.generation() == wanted:
                proved_since = proved_since or time.monotonic()
                # nginx lets old workers accept requests for another 100 ms beside the new ones.
                if time.monotonic() - proved_since > 0.2:
                    return
            else:
                proved_since = None
            news = self._log_since(size)
            if _CONFLICT in news:
                break
            if "[emerg]" in news and ("still could not bind" in news or "bind()" not in news):
                break
            time.sleep(0.03)
        raise _refused("the new configuration", self._log_since(size))

    def _tell(self, number: signal.Signals) -> None:
        """Send a signal to the master process; raises ServiceUnavailable if there is none."""
        try:
            pid = int((self.folder / "nginx.pid").read_text())
            # A stale pid file from before a reboot may name any process.
            if Path(f"/proc/{pid}/comm").read_text().strip() != "nginx":
                raise ProcessLookupError(pid)
            os.kill(pid, number)
        except (OSError, ValueError) as error:
            raise ServiceUnavailable(
                f"The nginx of {self.folder} does not run.", "Start it; `dz up` starts the local one."
            ) from error

    def generation(self) -> str | None:
        """Return the generation that nginx reports to have loaded; None if it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=2)
        try:
            connection.request("GET", "/__generation")
            answer = connection.getresponse()
            return answer.read(100).decode("ascii", "replace") if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wanted(self) -> str:
        """Return the generation of the configuration on disk: a random id, renewed with each change to any site."""
        found = _GENERATION.search(_read(self.folder / "generation.conf") or "")
        return found[0] if found else ""

    def get(self, *, port: int, host: str, path: str, timeout: float) -> tuple[int, Mapping[str, str]]:
        """Request a page of a site from this nginx; return status and headers, or raise OSError."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Host": host, "User-Agent": "DjangoZoom"})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders())
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()

    def _put(self, name: str, text: str | None) -> None:
        if text is None:
            (self._sites / f"{name}.conf").unlink(missing_ok=True)
        else:
            files.write(self._sites / f"{name}.conf", text, mode=_READABLE)

    def _write_generation(self) -> None:
        text = f'location = /__generation {{ return 200 "{secrets.token_hex(32)}"; }}\n'
        files.write(self.folder / "generation.conf", text, mode=_READABLE)

    def _log_since(self, size: int) -> str:
        log = self.folder / "logs" / "error.log"
        return log.read_bytes()[size:].decode("utf-8", "replace") if log.exists() else ""


def _refused(name: str, output: str) -> ProxyRefused:
    lines = [line for line in output.splitlines() if "[emerg]" in line or "conflicting" in line]
    said = lines[0][:300] if lines else (output.strip()[-300:] or "nothing")
    return ProxyRefused(
        f"nginx does not accept {name}; it said: {said}. The old configuration still serves.",
        "Free the port or correct the host name that nginx names, then publish again.",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
