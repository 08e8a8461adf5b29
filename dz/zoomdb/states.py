"""The values of states, kinds and types in zoomdb."""

import enum


class JobKind(enum.StrEnum):
    """What a job was asked to do."""

    CHECK_REPO = "check_repo"
    BUILD_AND_DEPLOY = "build_and_deploy"
    ROLLBACK = "rollback"
    PUBLISH = "publish"
    LAUNCH = "launch"


class JobState(enum.StrEnum):
    """The progress of a job: a queued one waits for its project, a waiting one for a person; the last six are final."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    CRASHED = "crashed"
    EXPIRED = "expired"


_UNDER_WAY = {JobState.QUEUED, JobState.RUNNING, JobState.WAITING}
FINAL = frozenset(JobState) - {JobState.PENDING} - _UNDER_WAY
"""States in which a job has ended."""
UNSUCCESSFUL = FINAL - {JobState.SUCCEEDED}
"""States in which a job has ended and nothing of it may work on."""
_MAY_BECOME: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(JobState) - {JobState.PENDING, JobState.SUCCEEDED},
    **dict.fromkeys(_UNDER_WAY, frozenset(JobState) - {JobState.PENDING}),
    # Of what has succeeded, or was replaced by newer work, there is no further attempt.
    JobState.SUCCEEDED: frozenset(),
    JobState.SUPERSEDED: frozenset(),
    **dict.fromkeys(FINAL - {JobState.SUCCEEDED, JobState.SUPERSEDED}, frozenset({JobState.PENDING})),
}


def may_become(before: JobState, after: JobState) -> bool:
    """Say whether a job in one state may get another one; an ended job may only become pending, for a new attempt."""
    return after in _MAY_BECOME[before]


class LogType(enum.StrEnum):
    """The type of a line of a job's log."""

    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    STEP_BEGIN = "step_begin"
    STEP_END = "step_end"
    JOB_BEGIN = "job_begin"
    JOB_END = "job_end"


class DeploymentState(enum.StrEnum):
    """The progress of an app instance; stopped and failed ones hold no port."""

    STARTING = "starting"
    HEALTHY = "healthy"
    SERVING = "serving"
    DRAINING = "draining"
    RETIRING = "retiring"
    STOPPED = "stopped"
    FAILED = "failed"


LIVE = (
    DeploymentState.STARTING,
    DeploymentState.HEALTHY,
    DeploymentState.SERVING,
    DeploymentState.DRAINING,
    DeploymentState.RETIRING,
)
"""States in which an app instance holds its port."""
SHOWN = (DeploymentState.HEALTHY, DeploymentState.SERVING, DeploymentState.DRAINING)
"""States in which an app instance can take requests."""
