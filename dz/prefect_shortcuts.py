"""Two shortcuts for Prefect's client in processes that run or call flows; each replaces a name inside one of its modules."""

import functools
import ssl
from typing import Any

import certifi
from cachetools import TTLCache
from prefect.client import orchestration
from prefect.concurrency import services
from prefect.settings import get_current_settings

UNLIMITED_SECONDS = 60.0
"""How long tags that have no limit are believed to have none; Prefect's own 5 s make most tasks of a deploy ask."""


def take() -> None:
    """Have the clients of this process share a TLS context, and ask less often whether tags have limits."""
    _trusting(get_current_settings().api.ssl_cert_file or certifi.where())
    orchestration.ssl = _TlsOnce()  # type: ignore[assignment,attr-defined]
    services._no_limits_cache = TTLCache(maxsize=1000, ttl=UNLIMITED_SECONDS)  # noqa: SLF001


class _TlsOnce:
    """The module `ssl`, but a file of certificates is loaded once, not 20 ms for each of a run's five clients."""

    def __getattr__(self, name: str) -> Any:
        return getattr(ssl, name)

    @staticmethod
    def create_default_context(*, cafile: str | None = None) -> ssl.SSLContext:
        """Return a context of one's own if no file is given, since Prefect then turns its checks off."""
        return _trusting(cafile) if cafile else ssl.create_default_context()


@functools.lru_cache(maxsize=4)
def _trusting(cafile: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=cafile)
