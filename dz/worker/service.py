"""Runs Prefect's worker for one server, with heartbeats, repair and cleaning in threads beside it."""

import asyncio
import functools
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
from dz import wiring
from dz.errors import DzError
from dz.settings import Role, settings
from dz.tasklib.messages import observations
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
    setup_signal_handlers_worker(os.getpid(), f"the worker of {server}", print)
    worker = WORKERS[settings().worker_type](
        work_pool_name=role,
        work_queues=[*QUEUES[role], server],
        name=server,
        create_pool_if_not_found=False,
    )
    repair_due = threading.Event()
    beats, repairs = Beats(worker, repair_due), functools.partial(_repair_for_ever, due=repair_due)
    loops: list[Callable[[Role, str], None]] = [
        beats.for_ever,
        repairs,
        _clean_for_ever,
        _settle_for_ever,
        *([_watch_forms_for_ever, _agree_for_ever] if role == "build" else []),
    ]
    loops += [_answer_for_ever] if role in ("appserver", "proxy") else []
    for loop in loops:
        threading.Thread(target=loop, args=(role, server), daemon=True).start()
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


class Beats:
    """Reports every few seconds how this server and its worker are doing."""

    def __init__(self, worker: ProcessWorker, repair_due: threading.Event) -> None:
        self._repair_due, self._given_up = repair_due, set[int]()
        self._worker = worker if isinstance(worker, WarmWorker) else None
        self._due = threading.Event()
        if self._worker:
            # Who waits for this worker learns at once that it has begun to ask for work.
            self._worker.on_first_poll = self._due.set

    def for_ever(self, role: Role, server: str) -> None:
        """Report, and wait."""
        while True:
            _attempt("heartbeat", role, server, self._beat)
            self._due.wait(BEAT_SECONDS)
            self._due.clear()

    def _beat(self, role: Role, server: str) -> None:
        before, self._given_up = self._given_up, upkeep.beat(role, server, self._told())
        if self._given_up - before:
            self._repair_due.set()

    def _told(self) -> dict[str, object]:
        if self._worker is None:
            return {}
        polled = self._worker.polled
        return {"polled": None if polled is None else round(time.monotonic() - polled, 1)}


def _repair_for_ever(role: Role, server: str, *, due: threading.Event) -> None:
    """Bring what this server shows or runs in line with zoomdb, now, every minute, and when it is due."""
    while True:
        _attempt("repair", role, server, upkeep.repair)
        due.wait(REPAIR_SECONDS)
        due.clear()


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


def _answer_for_ever(role: Role, server: str) -> None:
    """Say how a project is here, whenever anybody asks."""

    def look(project: int) -> None:
        _attempt("look at a project", role, server, lambda role, server: wiring.look(role, server, project))

    observations.answer(wiring.zoomdb(), look)


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
