"""The verification form in the Prefect UI: a typed input for which a flow run is suspended.

Prefect stores what is typed here in clear text, so no field may hold a secret.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import quote

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.input import RunInput
from pydantic import Field, create_model

from dz.settings import settings
from dz.tasklib.guesses.table import cell
from dz.tasklib.launches.form import VARIABLE
from dz.tasklib.variables.missing import MissingVariable

AS_DETECTED = "Empty: as it was detected."


class LaunchForm(RunInput):
    """How a site is to be built and run; every key but the first is one of `zoombuild.cfg`.

    Only types are in its schema: what Prefect itself refuses, its UI refuses without a word. The flow judges all else.
    """

    project: str = Field("", title="Project name", description="The site's name on this platform.")
    project_root: str = Field("", title="Project root", description=f"The folder that manage.py is in. {AS_DETECTED}")
    django_settings_module: str = Field(
        "", title="Settings module", description=f"Dotted name of the production settings. {AS_DETECTED}"
    )
    wsgi: str = Field("", title="WSGI application", description=f"module:attribute. {AS_DETECTED}")
    asgi: str = Field("", title="ASGI application", description=f"module:attribute. {AS_DETECTED}")
    use_asgi: bool = Field(default=False, title="Serve by ASGI", description="Off: by WSGI.")
    python_version: str = Field("", title="Python", description=f"3.12 or >=3.11; strict. {AS_DETECTED}")
    package_manager: Literal["pip", "uv", "poetry", "pipenv", "pdm", "none"] = Field("pip", title="Package manager")
    requirements_files: list[str] = Field([], title="Dependency files", description="What is installed from.")
    database_type: Literal["postgresql", "postgresql-gis"] = Field("postgresql", title="Database")
    collectstatic: bool = Field(default=True, title="Collect static files")
    copy_data: bool = Field(
        default=False,
        title="Copy the rows of the committed SQLite database",
        description="Once, into the site's new PostgreSQL database, when it is deployed first.",
    )
    hooks: list[str] = Field(
        ["migrate"], title="Release hooks", description="Management commands that run once before a version serves."
    )
    health_path: str = Field("/", title="Health path", description="Must answer below 500 before users see a version.")
    instances: int = Field(1, title="App instances")
    processes: int = Field(2, title="Processes of each instance")
    threads: int = Field(
        4, title="Threads of each process", description="For WSGI; 1 for code that is not thread-safe."
    )
    timeout: int = Field(60, title="Time limit", description="Seconds that an answer may take; 0: no limit.")
    request_body_mb: int = Field(100, title="Largest upload", description="Megabytes of a request's body.")


def launch_link(**request: Any) -> str | None:
    """Return the page of the Prefect UI that starts a launch with these values filled in; None: there is no UI.

    Args:
        request: of `LaunchRequest`; None is not given.
    """
    ui = settings().prefect_ui_url
    if not ui or settings().local_mode:
        return None
    try:
        with get_client(sync_client=True) as client:
            launch = client.read_deployment_by_name("launch/launch")
    except (ObjectNotFound, httpx.HTTPError):
        return None
    given = json.dumps({"request": {name: value for name, value in request.items() if value is not None}})
    # The UI decodes it twice.
    return f"{ui}/deployments/deployment/{launch.id}/run?parameters={quote(quote(given, safe=''), safe='')}"


def prefilled(
    values: Mapping[str, Any], *, description: str, hints: Mapping[str, str], variables: Sequence[MissingVariable]
) -> type[LaunchForm]:
    """Return the form with its fields filled in.

    Prefect's UI shrinks the text above a long form to nothing; whatever must be seen is a hint of the first field.

    Args:
        values: what each field shows.
        description: markdown above the fields.
        hints: markdown that goes before a field's own description; tables are not rendered there.
        variables: environment variables to ask for; secret ones are left out.
    """
    fields: dict[str, Any] = {}
    for name, known in LaunchForm.model_fields.items():
        # `with_initial_data` would drop titles, descriptions and limits.
        field = copy.copy(known)
        field.default = values.get(name, known.default)
        field.description = "\n\n".join(filter(None, (hints.get(name), known.description)))
        fields[name] = (known.annotation, field)
    for one in variables:
        if not one.secret:
            about = f"Environment variable, read by {cell(one.basis)}. {cell(one.note)}".strip()
            value = str(values.get(VARIABLE + one.name, "" if one.random else one.default))
            fields[VARIABLE + one.name] = (str, Field(default=value, title=cell(one.name), description=about))
    form: type[LaunchForm] = create_model("LaunchForm", __base__=LaunchForm, **fields)
    return form.with_initial_data(description=description)
