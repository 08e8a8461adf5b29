"""Asks nginx for a site again and again, cheaply, until it answers with the right version."""

import http.client
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from bench.projects import BOOKS
from dz.errors import HealthCheckFailed

T = TypeVar("T")
AFTERWARDS = 20
"""Seconds within which a site has to answer once all work for it has ended."""
BETWEEN = 0.02
"""Seconds between two requests; each costs a site about 2 ms."""


@dataclass(frozen=True)
class Place:
    """Where a site is asked for: a port of nginx on this machine, and a host name."""

    port: int
    host: str

    def answered_by(self, version: str, work: Callable[[], T]) -> tuple[float, T]:
        """Do `work` and return the time (`time.time()`) of the first right answer of `version`, and what work returned.

        Raises:
            HealthCheckFailed: there was no right answer even after work had ended.
        """
        finished = threading.Event()
        with ThreadPoolExecutor(1) as threads:
            answer = threads.submit(self._watch, version, finished)
            try:
                done = work()
                return answer.result(timeout=AFTERWARDS), done
            except TimeoutError:
                said = self.get("/")[:300] or "nothing"
                raise HealthCheckFailed(f"{self.host} does not show {version}: {said}", "See its log.") from None
            finally:
                finished.set()

    def _watch(self, version: str, finished: threading.Event) -> float:
        """Return the time of the first right answer: a front page with the version's code, template and database."""
        while not finished.is_set():
            if self.get("/version") == version and f"version:{version} books:{BOOKS}" in self.get("/"):
                return time.time()
            finished.wait(BETWEEN)
        return 0.0

    def get(self, path: str) -> str:
        """Return the body of a page, or nothing if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": self.host})
            answer = connection.getresponse()
            return answer.read().decode("utf-8", "replace") if answer.status == 200 else ""
        except (OSError, http.client.HTTPException):
            return ""
        finally:
            connection.close()
