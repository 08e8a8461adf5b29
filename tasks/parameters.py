"""What people type into the form of the Prefect UI, or send through the API, to start a flow.

Nothing here may be secret: Prefect shows parameters in clear. Secret values are stored with `dz deploy --set`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic.json_schema import SkipJsonSchema, WithJsonSchema

from dz import names

OwnJob = SkipJsonSchema[int | None]
"""The job that a run was opened for by `dz`; no field of a form, because a run that a person starts opens its own."""

ReleaseId = Annotated[int | None, WithJsonSchema({"type": "integer"})]
"""The id of a release in zoomdb; a plain field in the form of a flow that only other flows start."""

PLAIN_URL: dict[str, JsonValue] = {"pattern": r"^\s*[^@\s]*\s*$"}
"""Makes Prefect's API refuse a URL with a user name or password in it before it is stored."""


def _as_form(schema: dict[str, Any]) -> None:
    """Make a model's JSON schema one that Prefect's UI draws as plain fields, in the order in which they are written.

    The UI sorts by `position`, since Prefect stores the schema as JSONB, which keeps no order. Of `X | None` only X is
    left: Prefect's API accepts null for a field that is neither required nor has a default, and the UI draws a switch
    between two types otherwise.
    """
    for position, field in enumerate(schema.get("properties", {}).values()):
        for option in field.pop("anyOf", ()):
            if option != {"type": "null"}:
                field |= {key: value for key, value in option.items() if key not in field}
        if "default" in field and field["default"] is None:
            del field["default"]
        field["position"] = position


class Request(BaseModel):
    """What a person asks for; a text that is left empty is one that is not given."""

    model_config = ConfigDict(json_schema_extra=_as_form)

    @model_validator(mode="before")
    @classmethod
    def _only_given(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        given = {key: value for key, value in values.items() if not isinstance(value, str) or value.strip()}
        return {
            key: value.strip() if isinstance(value, str) and key != "config" else value for key, value in given.items()
        }


GitUrl = Annotated[
    str,
    Field(
        title="Git URL",
        description="The https:// address of the repository, on a host that the operator allows",
        max_length=500,
        json_schema_extra=PLAIN_URL,
    ),
]


class Source(Request):
    """A git repository, to find out how it is to be configured."""

    url: GitUrl
    ref: str | None = Field(default=None, title="Branch, tag or commit", description="Empty: the default branch")
    prove: bool = Field(
        default=True,
        title="Prove it",
        description="On: install what the project needs and run it once, confined. Off: only read its files.",
    )

    @property
    def project(self) -> str:
        """The name that a project of this repository gets if nobody gives another one."""
        return names.project_name_from_url(self.url)

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return _subject(None, self.url, self.ref)


class DeployRequest(Request):
    """A project to build and put live: a known one by its name, or a new one by its URL."""

    project: str | None = Field(
        default=None,
        title="Project",
        description="Name of a known project, or the name of a new one; empty: as the URL says",
    )
    url: str | None = Field(
        default=None,
        title="Git URL",
        description="Needed for a new project: the https:// address of its repository",
        max_length=500,
        json_schema_extra=PLAIN_URL,
    )
    ref: str | None = Field(
        default=None, title="Branch, tag or commit", description="Empty: as before, or the default branch"
    )
    commit: str | None = Field(
        default=None,
        title="Commit",
        description="All 40 digits; empty: the newest of the branch or tag",
        pattern="^[0-9a-f]{40}$",
        json_schema_extra={"pattern": r"^\s*([0-9a-f]{40})?\s*$"},
    )
    config: str | None = Field(
        default=None,
        title="zoombuild.cfg",
        description="Text of a configuration; empty: the confirmed one or the repository's",
    )
    rebuild: bool = Field(
        default=False,
        title="Build again",
        description="On: make a new version even if nothing has changed since the current one",
    )

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return _subject(self.project, self.url, self.ref)


class LaunchRequest(Request):
    """A repository to bring live, with a form in which a person confirms what was guessed."""

    project: str | None = Field(default=None, title="Project", description="Name of the site; empty: as the URL says")
    url: GitUrl
    ref: str | None = Field(default=None, title="Branch, tag or commit", description="Empty: the default branch")
    check: int | None = Field(
        default=None,
        title="Go on from check",
        description="Number of a finished check of just this, which is then not repeated; empty: it is checked now",
        ge=1,
    )
    config: str | None = Field(
        default=None,
        title="zoombuild.cfg",
        description="Text of a configuration to begin with; empty: the repository's own",
    )
    straight_on: bool = Field(
        default=False,
        title="Straight on if there is nothing to ask",
        description="Off: always show the form. On: only where something is unsure or missing.",
    )
    answer_within: int | None = Field(
        default=None,
        title="Seconds until the form is given up",
        description="Empty: as the operator says",
        ge=10,
        le=2_592_000,
    )

    @property
    def source(self) -> Source:
        """What check_repo is to look at."""
        return Source(url=self.url, ref=self.ref)

    def confirmed(self, project: str | None, commit: str | None, config: str) -> DeployRequest:
        """Return the request to deploy just what was checked, as it was confirmed."""
        return DeployRequest(project=project, url=self.url, ref=self.ref, commit=commit, config=config)

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return _subject(self.project, self.url, self.ref)


class VersionRequest(Request):
    """A version of a project to go back to; its database stays as it is."""

    project: str = Field(title="Project", description="Name of a project")
    version: int | None = Field(
        default=None, title="Version", description="For example 3; empty: the one before the current one", ge=1
    )
    accepted: bool = Field(
        default=False,
        title="Even if its code does not fit the database",
        description="Off: a version whose code later migrations have broken is refused, with their names",
    )

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return f"{self.project} to {f'v{self.version}' if self.version else 'the version before'}"


class HostRequest(Request):
    """A host name for a project, or for one version of it."""

    project: str = Field(title="Project", description="Name of a project")
    host: str = Field(title="Host name", description="For example www.example.org", max_length=253)
    version: int | None = Field(
        default=None, title="Version", description="Shown under this name for ever; empty: always the current one", ge=1
    )


def _subject(project: str | None, url: str | None, ref: str | None) -> str:
    name = project or (names.project_name_from_url(url) if url else "a project without a name")
    return f"{name} at {ref}" if ref else name
