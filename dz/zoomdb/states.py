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
    """The progress of a job; a waiting one needs a person's answer; the last four are final."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CRASHED = "crashed"
    EXPIRED = "expired"


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
