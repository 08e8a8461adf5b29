"""The order to start a flow run, for a fork-server: what the process worker would give to a fresh process."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import FlowRun
from prefect.utilities.processutils import sanitize_subprocess_env
from pydantic import PrivateAttr

from dz.worker.internals import entrypoint, hooks, related_objects, settings


class WarmJobConfiguration(settings.KnownSettings):
    """The configuration of one run."""

    _entrypoint: str | None = PrivateAttr(default=None)
    _objects: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def entrypoint(self) -> str | None:
        """The entrypoint of the flow, if it lies in the working directory."""
        return self._entrypoint

    @property
    def objects(self) -> dict[str, Any]:
        """What is known of Prefect's objects around the run."""
        return self._objects

    def prepare_for_flow_run(  # type: ignore[override]
        self, flow_run: FlowRun, deployment: Any = None, flow: Any = None, work_pool: Any = None, **kwargs: Any
    ) -> None:
        """Fill in what depends on the flow run and its deployment."""
        super().prepare_for_flow_run(flow_run, deployment, flow, work_pool, **kwargs)
        if hooks.present(related_objects):
            self._objects = related_objects.around(flow_run, deployment, flow, work_pool)
        if hooks.present(entrypoint):
            self._entrypoint = entrypoint.of(deployment, self.working_dir)


def order(
    flow_run: FlowRun, configuration: WarmJobConfiguration, folder: Path, *, variables: dict[str, str]
) -> dict[str, Any]:
    """Return the order for one run, as JSON values; the run's own variables are kept apart from those that runs share.

    Args:
        folder: where the run works.
        variables: those of Prefect's executor.
    """
    found = {
        **os.environ,
        **configuration.env,
        **settings.as_variables(),
        **variables,
        # This worker has already compared the versions.
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        entrypoint.VARIABLE: configuration.entrypoint,
    }
    complete = sanitize_subprocess_env(found)
    own = {name: value for name, value in complete.items() if name.startswith("PREFECT__")}
    return {
        "run": str(flow_run.id),
        "folder": str(folder),
        "shown": configuration.stream_output,
        "environment": {name: value for name, value in complete.items() if name not in own},
        "own": own,
        "flow_run": flow_run.model_dump_json(),
        "objects": configuration.objects,
    }


def folder_of(configuration: WarmJobConfiguration) -> contextlib.AbstractContextManager[Path]:
    """Return the folder that a run works in: the one that the pool names, or a temporary one."""
    if configuration.working_dir:
        return contextlib.nullcontext(Path(configuration.working_dir).resolve())
    return _temporary_folder()


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(suffix="prefect") as folder:
        yield Path(folder)
