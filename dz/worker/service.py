"""Runs Prefect's process worker for one server, with heartbeats and repair around it."""

import asyncio
import logging
import math
import os
import threading
import time

from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.utilities.processutils import setup_signal_handlers_worker
from prefect.workers.process import ProcessWorker

from blocks.shared_settings import NAME, SharedSettings
from deployments.pools import QUEUES, ensure_queue
from dz import wiring
from dz.errors import DzError
from dz.settings import Role, settings

BEAT_SECONDS = 5
"""Between two heartbeats; a server that is silent for 30 s is not chosen by placement."""
REPAIR_SECONDS = 60
"""Between two comparisons of what an appserver should run with what it runs."""
logger = logging.getLogger("dz.worker")


def serve(role: Role, server: str) -> None:
    """Poll the pool of `role` for work meant for any of its servers or for `server`, until told to stop."""
    adopt_shared_settings()
    with get_client(sync_client=True) as client:
        ensure_queue(client, role, server)
    threading.Thread(target=_beat_for_ever, args=(role, server), daemon=True, name="heartbeat").start()
    setup_signal_handlers_worker(os.getpid(), f"the worker of {server}", print)
    worker = ProcessWorker(
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
    """Say every few seconds how this server is; repair what it shows or runs at the start, app instances every minute."""
    due = 0.0
    while True:
        try:
            wiring.beat(role, server)
            if time.monotonic() >= due:
                wiring.repair(role, server)
                due = time.monotonic() + (REPAIR_SECONDS if role == "appserver" else math.inf)
        except DzError as error:
            logger.warning("%s", error.found)
        except Exception:
            logger.exception("The heartbeat of %s failed; it goes on.", server)
        threading.Event().wait(BEAT_SECONDS)
