"""Prepares the environment that Prefect reads when it is imported."""

import contextlib
import os
from collections.abc import Iterator

from dz.settings import settings


def prepare() -> None:
    """Point Prefect's client to the server that our settings name; what the environment says already wins."""
    here = settings()
    defaults = {
        "PREFECT_HOME": str(here.state_dir / "prefect"),
        "PREFECT_LOGGING_EXTRA_LOGGERS": "dz",
        "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_COLORS": "false",
        "DO_NOT_TRACK": "1",
        # A server that is busy or starts again is asked again, five times within half a minute, whatever it answered.
        "PREFECT_CLIENT_RETRY_EXTRA_CODES": "500,504",
        # A worker that is told of work polls for safety only; one that is not would make it most of a deploy's time.
        "PREFECT_WORKER_QUERY_SECONDS": "10" if here.worker_type == "warm" else "1",
    }
    if here.prefect_api_url:
        defaults["PREFECT_API_URL"] = here.prefect_api_url
        defaults["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] = "false"
    if here.prefect_certificate:
        defaults["PREFECT_API_SSL_CERT_FILE"] = str(here.prefect_certificate)
    if here.prefect_auth_string:
        defaults["PREFECT_API_AUTH_STRING"] = here.prefect_auth_string.get_secret_value()
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


@contextlib.contextmanager
def without_heartbeats() -> Iterator[None]:
    """Let flow runs of this block send no heartbeats of their own.

    Prefect's engine ends each flow run, subflows too, by waiting for a thread that sleeps a second at a time. No
    environment variable turns that off.
    """
    from prefect.context import SettingsContext  # noqa: PLC0415  Prefect reads the environment when it is imported

    context = SettingsContext.get()
    if context is None:
        yield
        return
    silent = context.settings.flows.model_copy(update={"heartbeat_frequency": None})
    changed = context.settings.model_copy(update={"flows": silent})
    with SettingsContext(profile=context.profile, settings=changed):
        yield
