"""What people type into the form of the Prefect UI, or send through the API, to start a flow.

Nothing here may be secret: Prefect shows parameters in clear. Secret values are stored with `dz deploy --set`.
"""

from pydantic import BaseModel, Field, JsonValue

PLAIN_URL: dict[str, JsonValue] = {"pattern": r"^[^@\s]*$"}
"""Makes Prefect's API refuse a URL with a user name or password in it before it is stored."""


class Repository(BaseModel):
    """Where code comes from."""

    url: str = Field(
        title="Git URL",
        description="https://... of a host that the operator allows",
        max_length=500,
        json_schema_extra=PLAIN_URL,
    )
    ref: str | None = Field(None, title="Branch, tag or commit", description="Empty: the default branch")


class Source(Repository):
    """A git repository at a ref."""

    prove: bool = Field(
        default=True,
        title="Prove it",
        description="Install what the project needs and run it once, confined; off: only read its files",
    )


class DeployRequest(BaseModel):
    """A request to build a project and put it live: a known project by name, or a new one by URL."""

    project: str | None = Field(None, title="Project", description="Name of a project; empty: taken from the URL")
    url: str | None = Field(
        None, title="Git URL", description="Needed for a new project", max_length=500, json_schema_extra=PLAIN_URL
    )
    ref: str | None = Field(None, title="Branch, tag or commit", description="Empty: as before, or the default branch")
    commit: str | None = Field(
        default=None,
        title="Commit",
        description="All 40 digits; empty: the newest of the branch or tag",
        pattern="^[0-9a-f]{40}$",
    )
    config: str | None = Field(
        None, title="zoombuild.cfg", description="Text of a configuration to use instead of the repository's own"
    )
    rebuild: bool = Field(
        default=False,
        title="Build again",
        description="Make a new version even if nothing has changed since the current one",
    )

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return f"{self.project or self.url}{f' at {self.ref}' if self.ref else ''}"


class LaunchRequest(Repository):
    """A request to bring a repository live, with a form in which a person confirms what was guessed."""

    project: str | None = Field(None, title="Project", description="Name of the project; empty: taken from the URL")
    config: str | None = Field(
        None, title="zoombuild.cfg", description="Text of a configuration to begin with instead of the repository's own"
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
        return f"{self.project or self.url}{f' at {self.ref}' if self.ref else ''}"


class VersionRequest(BaseModel):
    """A version of a project."""

    project: str = Field(title="Project", description="Name of a project")
    version: int | None = Field(None, title="Version", description="Empty: the one before the current one", ge=1)

    @property
    def subject(self) -> str:
        """What the run is about, for its name."""
        return f"{self.project} to {f'v{self.version}' if self.version else 'the version before'}"


class HostRequest(BaseModel):
    """A host name for a project, or for one version of it."""

    project: str = Field(title="Project", description="Name of a project")
    host: str = Field(title="Host name", description="For example www.example.org", max_length=253)
    version: int | None = Field(None, title="Version", description="Empty: always the current version", ge=1)
