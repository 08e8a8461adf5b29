"""The tables of zoomdb. Times are the database's, in UTC."""

import datetime as dt
import enum
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from dz import names
from dz.zoomdb.states import DeploymentState, JobKind, JobState, LogType


def _enum(kind: type[enum.StrEnum]) -> Enum:
    """Store the values as text, so that a new value needs no ALTER TYPE."""
    return Enum(kind, native_enum=False, length=20, values_callable=lambda members: [m.value for m in members])


class Base(DeclarativeBase):
    """All tables have an integer key and the time of their creation."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        dt.datetime: DateTime(timezone=True),
    }

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created: Mapped[dt.datetime] = mapped_column(server_default=func.now())


class Project(Base):
    """A customer's Django site."""

    __tablename__ = "project"
    __table_args__ = (Index("project_by_source", "source_url"),)

    name: Mapped[str] = mapped_column(String(31), unique=True)
    title: Mapped[str] = mapped_column(String(200))
    source_url: Mapped[str] = mapped_column(Text)
    ref: Mapped[str | None] = mapped_column(String(200))
    fence: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    """Grows with each job that may change what is served; work that carries a lower number is refused."""
    current_release_id: Mapped[int | None] = mapped_column(
        ForeignKey("release.id", use_alter=True, name="project_current_release")
    )

    current_release: Mapped["Release | None"] = relationship(foreign_keys=[current_release_id])

    @property
    def sysid(self) -> str:
        """The name that its users, databases and folders carry."""
        return names.sysid(self.id)


class Job(Base):
    """Work that somebody asked for; a flow run executes it."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_by_project", "project_id", "id"),
        Index("job_not_over", "state", postgresql_where=text("state in ('pending', 'queued', 'running', 'waiting')")),
    )

    kind: Mapped[JobKind] = mapped_column(_enum(JobKind))
    project_id: Mapped[int | None] = mapped_column(ForeignKey("project.id"))
    params: Mapped[dict[str, Any]] = mapped_column(default=dict)
    state: Mapped[JobState] = mapped_column(_enum(JobState), default=JobState.PENDING)
    flow_run_id: Mapped[str | None] = mapped_column(String(36), unique=True)
    requested_by: Mapped[str] = mapped_column(String(100), default="")
    idempotency_key: Mapped[str | None] = mapped_column(String(200), unique=True)
    """Whoever asks twice with the same key gets the same job."""
    attempt: Mapped[int] = mapped_column(default=1, server_default="1")
    fence: Mapped[int | None] = mapped_column(BigInteger)
    """Its project's number when it got its turn; None: it has none, or needs none."""
    heartbeat: Mapped[dt.datetime | None]
    switched: Mapped[dt.datetime | None]
    """When users began to see what it made; from then on it can only succeed."""
    superseded_by: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    started: Mapped[dt.datetime | None]
    ended: Mapped[dt.datetime | None]
    result: Mapped[dict[str, Any]] = mapped_column(default=dict)
    failure_code: Mapped[str | None] = mapped_column(String(60))
    failure_found: Mapped[str | None] = mapped_column(Text)
    failure_remedy: Mapped[str | None] = mapped_column(Text)

    project: Mapped[Project | None] = relationship()


class JobLog(Base):
    """A line of a job's log; `created` is its time."""

    __tablename__ = "job_log"
    __table_args__ = (Index("job_log_by_job", "job_id", "id"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    type: Mapped[LogType] = mapped_column(_enum(LogType))
    step: Mapped[str] = mapped_column(String(100), default="")
    message: Mapped[str] = mapped_column(Text, default="")


class ChildFailure(Base):
    """The error of a subflow on another server, for the parent that waits for it."""

    __tablename__ = "child_failure"

    flow_run_id: Mapped[str] = mapped_column(String(36), unique=True)
    code: Mapped[str] = mapped_column(String(60))
    found: Mapped[str] = mapped_column(Text)
    remedy: Mapped[str] = mapped_column(Text)


class Child(Base):
    """The process of a flow run that works for a job; it goes when it has ended and nothing of it is left to undo."""

    __tablename__ = "child"
    __table_args__ = (Index("child_by_job", "job_id"), Index("child_by_server", "server"))

    flow_run_id: Mapped[str] = mapped_column(String(36), unique=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    server: Mapped[str] = mapped_column(String(41))
    pid: Mapped[int] = mapped_column(default=0, server_default="0")
    """0: not known."""
    began: Mapped[float] = mapped_column(default=0.0, server_default="0")
    """When the process began, in seconds since 1970 by its server's clock; tells it from a later one with its pid."""
    heartbeat: Mapped[dt.datetime] = mapped_column(server_default=func.now())
    ended: Mapped[dt.datetime | None]
    given_up: Mapped[bool] = mapped_column(default=False, server_default="false")
    """Nobody waits for it any more, and it may write nothing."""


class Standby(Base):
    """What a standby flow run is told; the run deletes the row."""

    __tablename__ = "standby"

    flow_run_id: Mapped[str] = mapped_column(String(36), unique=True)
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))
    """None: the run is not needed, or has given up waiting."""


class ConfigGuess(Base):
    """What detection believes about one field, and where it read that."""

    __tablename__ = "config_guess"
    __table_args__ = (Index("config_guess_by_job", "job_id"),)

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    field: Mapped[str] = mapped_column(String(60))
    value: Mapped[Any] = mapped_column(JSONB)
    basis: Mapped[str] = mapped_column(Text)
    is_primary: Mapped[bool]
    proof: Mapped[str] = mapped_column(String(20), default="read")
    happened: Mapped[str] = mapped_column(Text, default="", server_default="")
    """What running it showed, in brief; empty if it was only read."""


class Launch(Base):
    """The progress of a launch, so that a resumed or restarted run repeats nothing; holds no secret."""

    __tablename__ = "launch"

    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"), unique=True)
    check_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    deploy_job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    form: Mapped[int] = mapped_column(default=0)
    """How many forms were shown; the last one waits or has been answered."""
    answer: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """What the form shows; once it is answered, the person's answer."""
    problems: Mapped[list[Any]] = mapped_column(default=list)
    """Why the last answer was not accepted."""
    confirmed: Mapped[dt.datetime | None]
    expires: Mapped[dt.datetime | None]
    """When the waiting form expires."""


class BuildConfig(Base):
    """A verified `zoombuild.cfg` of a project, versioned."""

    __tablename__ = "build_config"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    text: Mapped[str] = mapped_column(Text)


class EnvVar(Base):
    """An environment variable of a project; the value is encrypted for `<sysid>/<name>`."""

    __tablename__ = "env_var"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(String(128))
    value: Mapped[bytes] = mapped_column(LargeBinary)
    secret: Mapped[bool] = mapped_column(default=True)


class Server(Base):
    """A machine with one role, and what its worker last reported about it."""

    __tablename__ = "server"

    name: Mapped[str] = mapped_column(String(41), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    address: Mapped[str] = mapped_column(String(253))
    capacity: Mapped[int] = mapped_column(default=100)
    enabled: Mapped[bool] = mapped_column(default=True)
    heartbeat: Mapped[dt.datetime | None]
    cpu_percent: Mapped[float | None]
    memory_percent: Mapped[float | None]
    disk_percent: Mapped[float | None]
    load1: Mapped[float | None]
    instances: Mapped[int] = mapped_column(default=0)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    generation: Mapped[str | None] = mapped_column(String(64))


class Bundle(Base):
    """An immutable archive: a manifest over content-addressed layers."""

    __tablename__ = "bundle"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(String(60))
    commit: Mapped[str] = mapped_column(String(64))
    commit_message: Mapped[str] = mapped_column(String(200), default="")
    config: Mapped[str] = mapped_column(Text, default="")
    manifest: Mapped[dict[str, Any]]
    uploaded: Mapped[dt.datetime | None]
    deleted: Mapped[dt.datetime | None]

    project: Mapped[Project] = relationship()


class Database(Base):
    """A project's own database on one of the sites' database servers."""

    __tablename__ = "database"

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"), unique=True)
    server_id: Mapped[int] = mapped_column(ForeignKey("server.id"))
    host: Mapped[str] = mapped_column(String(253))
    port: Mapped[int]
    name: Mapped[str] = mapped_column(String(63))
    user: Mapped[str] = mapped_column(String(63))
    password: Mapped[bytes] = mapped_column(LargeBinary)


class Release(Base):
    """A version of a project: bundle and environment, numbered, immutable except for `hooks_done` and `published`."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("project_id", "number"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    number: Mapped[int]
    bundle_id: Mapped[int] = mapped_column(ForeignKey("bundle.id"))
    environment: Mapped[bytes] = mapped_column(LargeBinary)
    """JSON of the owner's variables when the release was made, encrypted for `<sysid>/release`."""
    hooks_done: Mapped[dt.datetime | None]
    published: Mapped[dt.datetime | None]
    """When it last became what users see; None: it never did."""

    project: Mapped[Project] = relationship(foreign_keys=[project_id])
    bundle: Mapped[Bundle] = relationship()


class Deployment(Base):
    """One release on one appserver; a live one reserves its port."""

    __tablename__ = "deployment"
    __table_args__ = (
        Index(
            "deployment_port",
            "server_id",
            "port",
            unique=True,
            postgresql_where=text("state in ('starting', 'healthy', 'serving', 'draining', 'retiring')"),
        ),
        UniqueConstraint("release_id", "server_id"),
    )

    release_id: Mapped[int] = mapped_column(ForeignKey("release.id"))
    server_id: Mapped[int] = mapped_column(ForeignKey("server.id"))
    port: Mapped[int]
    state: Mapped[DeploymentState] = mapped_column(_enum(DeploymentState), default=DeploymentState.STARTING)
    changed: Mapped[dt.datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    """The job that placed it last."""

    release: Mapped[Release] = relationship()
    server: Mapped[Server] = relationship()


class Observation(Base):
    """What a server last saw of a project on it."""

    __tablename__ = "observation"
    __table_args__ = (UniqueConstraint("project_id", "server_id"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    server_id: Mapped[int] = mapped_column(ForeignKey("server.id"))
    seen: Mapped[dt.datetime]
    wrong: Mapped[str] = mapped_column(Text)
    """What is not as it should be; empty if all is well."""
    upstreams: Mapped[list[Any] | None]
    """Proxies: the `address:port` of each app instance that requests to the project are sent to."""


class VirtualHost(Base):
    """A host name of a project; without a release it shows the current one."""

    __tablename__ = "virtual_host"
    __table_args__ = (Index("virtual_host_by_project", "project_id"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    name: Mapped[str] = mapped_column(String(253), unique=True)
    release_id: Mapped[int | None] = mapped_column(ForeignKey("release.id"))

    project: Mapped[Project] = relationship()
    release: Mapped[Release | None] = relationship()


class SitePort(Base):
    """Local stacks: the port on 127.0.0.1 at which a proxy serves a virtual host."""

    __tablename__ = "site_port"
    __table_args__ = (
        UniqueConstraint("server_id", "port"),
        UniqueConstraint("server_id", "virtual_host_id"),
        Index("site_port_by_host", "virtual_host_id"),
    )

    server_id: Mapped[int] = mapped_column(ForeignKey("server.id"))
    virtual_host_id: Mapped[int] = mapped_column(ForeignKey("virtual_host.id"))
    port: Mapped[int]

    server: Mapped[Server] = relationship()
    virtual_host: Mapped[VirtualHost] = relationship()
