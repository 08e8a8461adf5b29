"""Makes Prefect's clients share what they trust: each loads 140 certificates otherwise, which takes 20 ms."""

import functools
import ssl
from typing import Any

import certifi
from prefect.client import orchestration


def load_once() -> None:
    """Have the clients of this process share a TLS context; replaces a name inside one of Prefect's modules."""
    _trusting(certifi.where())
    orchestration.ssl = _TlsOnce()  # type: ignore[assignment,attr-defined]


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
