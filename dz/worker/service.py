"""Runs Prefect's worker for one server, with heartbeats, repair and cleaning in threads beside it."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessWorker

from blocks.shared_settings import NAME, SharedSettings
from deployments.pools import QUEUES, ensure_queue
from dz.errors import DzError
from dz.settings import Role, settings
from dz.worker import agreement, settling, upkeep
from dz.worker.forms import end_unanswered
from dz.worker.warm import WarmWorker

BEAT_SECONDS = 5
"""Seconds between two heartbeats; placement does not choose a server that has been silent for 30 s."""
REPAIR_SECONDS = 60
"""Seconds between two comparisons of what a server should run or show with what it does."""
FORM_SECONDS = 15
"""Seconds between two checks of the launches that wait for a person."""
WORKERS: dict[str, type[ProcessWorker]] = {"warm": WarmWorker, "process": ProcessWorker}
CLEAN_SECONDS = 600
"""Seconds between two removals of what no kept version needs."""
logger = logging.getLogger("dz.worker")


def serve(role: Role, server: str) -> None:
    """Poll the pool of `role` for work meant for any of its servers or for `server`, until told to stop."""
    adopt_shared_settings()
    with get_client(sync_client=True) as client:
        ensure_queue(client, role, server)
    loops = [_beat_for_ever, _repair_for_ever, _clean_for_ever, _settle_for_ever]
    loops += [_watch_forms_for_ever, _agree_for_ever] if role == "build" else []
    for loop in loops:
        threading.Thread(target=loop, args=(role, server), daemon=True, name=loop.__name__).start()
    setup_signal_handlers_worker(os.getpid(), f"the worker of {server}", print)
    worker = WORKERS[settings().worker_type](
        work_pool_name=role,
        work_queues=[*QUEUES[role], server],
        name=server,
        create_pool_if_not_found=False,
    )
    asyncio.run(worker.start())


def adopt_shared_settings() -> None:
    """Take the addresses that all servers share from their Prefect block; this server's own settings win."""
    own = settings().model_fields_set
    try:
        block = SharedSettings.load(NAME)
    except (ValueError, ObjectNotFound):
        return
    if isinstance(block, SharedSettings):
        for name, value in block.environment().items():
            if name.removeprefix("DZ_").lower() not in own:
                os.environ[name] = value
        settings.cache_clear()


def _beat_for_ever(role: Role, server: str) -> None:
    """Report every few seconds how this server is doing."""
    while True:
        _attempt("heartbeat", role, server, upkeep.beat)
        time.sleep(BEAT_SECONDS)


def _repair_for_ever(role: Role, server: str) -> None:
    """Bring what this server shows or runs in line with zoomdb, now and every minute."""
    while True:
        _attempt("repair", role, server, upkeep.repair)
        time.sleep(REPAIR_SECONDS)


def _settle_for_ever(role: Role, server: str) -> None:
    """End every few seconds what jobs that have ended left on this server."""
    while True:
        _attempt("settling", role, server, settling.settle)
        time.sleep(settling.SECONDS)


def _agree_for_ever(role: Role, server: str) -> None:
    """Compare jobs with their flow runs in Prefect."""
    while True:
        _attempt("comparison with Prefect", role, server, lambda _role, _server: agreement.agree())
        time.sleep(agreement.SECONDS)


def _watch_forms_for_ever(role: Role, server: str) -> None:
    """End launches that can no longer be answered."""
    while True:
        _attempt("watch over forms", role, server, lambda _role, _server: end_unanswered())
        time.sleep(FORM_SECONDS)


def _clean_for_ever(role: Role, server: str) -> None:
    """Remove every ten minutes what no kept version needs."""
    while True:
        time.sleep(CLEAN_SECONDS)
        _attempt("cleaning", role, server, upkeep.clean)


def _attempt(what: str, role: Role, server: str, action: Callable[[Role, str], None]) -> None:
    try:
        action(role, server)
    except DzError as error:
        logger.warning("%s", error.found)
    except Exception:
        logger.exception("The %s of %s failed; it goes on.", what, server)
