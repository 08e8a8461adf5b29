"""What is retried, and how branches end."""

import functools
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, wait
from prefect.tasks import Task

from dz.errors import DzError

T = TypeVar("T")
P = ParamSpec("P")
RETRY_DELAYS = (2.0, 10.0)
"""Seconds before a second and a third attempt."""


async def if_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Retry only what may succeed next time: a service that did not answer."""
    try:
        await state.aresult()
    except DzError as error:
        return error.transient
    except Exception:  # noqa: BLE001  an unknown error is not known to be transient
        return False
    return False


def without_run(function: Callable[P, T]) -> Callable[P, T]:
    """Retry a short use of zoomdb as a task is retried, but without a task run in Prefect, which takes longer.

    It is not a step in the job's log either.
    """

    @functools.wraps(function)
    def tried(*args: P.args, **kwargs: P.kwargs) -> T:
        for delay in RETRY_DELAYS:
            try:
                return function(*args, **kwargs)
            except DzError as error:
                if not error.transient:
                    raise
            time.sleep(delay)
        return function(*args, **kwargs)

    return tried


def settle(*futures: PrefectFuture[T]) -> list[T]:
    """Wait for every branch, then return their results or raise the first failure.

    A flow whose submitted tasks nobody settles is Completed even if they failed.
    """
    wait(list(futures))
    return [future.result() for future in futures]
