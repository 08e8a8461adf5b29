"""What is retried, and how branches end."""

from typing import Any, TypeVar

from prefect.client.schemas.objects import State, TaskRun
from prefect.futures import PrefectFuture, wait
from prefect.tasks import Task

from dz.errors import DzError

T = TypeVar("T")


async def if_transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Retry only what may succeed the next time: a service that did not answer."""
    try:
        await state.aresult()
    except DzError as error:
        return error.transient
    except Exception:  # noqa: BLE001  an unknown error is not known to be transient
        return False
    return False


def settle(*futures: PrefectFuture[T]) -> list[T]:
    """Wait for every branch, then return their results or raise the first failure.

    A flow whose submitted tasks nobody settles is Completed even if they failed.
    """
    wait(list(futures))
    return [future.result() for future in futures]
