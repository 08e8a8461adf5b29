"""Every error a person can meet: who must act, what was found, what to do.

An error crosses servers as a row of zoomdb (`record`) and comes back as the same class (`from_record`),
so a parent flow raises what its child raised.
"""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

Actor = Literal["project owner", "operator"]
REMEDY = "What to do"
"""Begins the second line of an error's text."""


@dataclass(frozen=True)
class FailureRecord:
    """An error as stored in zoomdb: `code` is the class name."""

    code: str
    found: str
    remedy: str


@contextlib.contextmanager
def going_on(logger: logging.Logger, what: str) -> Iterator[None]:
    """Log whatever error ends the block, so that a loop of repairs or removals goes on with the next.

    Args:
        what: what was to be done, such as `repair of app instance 7`.
    """
    try:
        yield
    except DzError as error:
        logger.warning("%s failed, the rest goes on: %s", what, error.found)
    except Exception:
        logger.exception("%s failed, the rest goes on.", what)


class DzError(Exception):
    """Base class of all errors that are meant for a person to read.

    Args:
        found: what was found, one or two sentences, naming real files, hosts and values (never a secret).
        remedy: what the person named by `actor` should do now.
    """

    actor: ClassVar[Actor] = "operator"
    transient: ClassVar[bool] = False

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.found = found
        self.remedy = remedy

    @property
    def code(self) -> str:
        """The stable name of this kind of error."""
        return type(self).__name__

    def __str__(self) -> str:
        return f"{self.found}\n  {REMEDY} ({self.actor}): {self.remedy}"

    def record(self) -> FailureRecord:
        """Return the row that stores this error."""
        return FailureRecord(self.code, self.found.replace("\0", ""), self.remedy.replace("\0", ""))


class OwnerError(DzError):
    """The owner of the Django project must act; never retried."""

    actor = "project owner"


class OperatorError(DzError):
    """The operator of the servers must act; never retried."""


class TransientError(OperatorError):
    """An external service did not answer; the same call may succeed later, so tasks retry it."""

    transient = True


# -- source code -------------------------------------------------------------------------------------------
class InvalidRepoUrl(OwnerError):
    """The source URL is malformed, of a forbidden kind, or its host is not on the operator's list."""


class InvalidRef(OwnerError):
    """The ref is not a valid git ref name."""


class RepoUnreachable(OwnerError):
    """The repository could not be read: wrong address, private, or the server does not answer."""


class RefNotFound(OwnerError):
    """The repository has no such branch, tag or commit."""


class RepoTooLarge(OwnerError):
    """The repository exceeds the limit on its size or on its number of files."""


class NotDjango(OwnerError):
    """The repository holds no Django project that can be deployed."""


class AmbiguousProject(OwnerError):
    """Several candidates are equally likely, and there is nobody to ask."""


# -- configuration -----------------------------------------------------------------------------------------
class InvalidConfig(OwnerError):
    """`zoombuild.cfg` or a value given for it is wrong; the text names file, line and key."""


class InvalidRequirement(OwnerError):
    """A requirements file cannot be used; the text names file and line."""


class InvalidName(OwnerError):
    """A project name, host name or variable name breaks the rules."""


class MissingEnvironment(OwnerError):
    """The project's settings need environment variables that nobody has set."""


class ConfirmationMissing(OwnerError):
    """A person must confirm or complete the guesses, and there is nobody to ask here."""


class FormExpired(OwnerError):
    """Nobody answered the verification form in time."""


class LaunchCancelled(OwnerError):
    """The flow run of a launch was ended in Prefect while it waited for its form."""


class HostTaken(OwnerError):
    """The host name belongs to another project or to the platform."""


class UnknownProject(OwnerError):
    """No project has that name."""


class UnknownVersion(OwnerError):
    """The project has no such version, or it can no longer be served."""


class RollbackRefused(OwnerError):
    """The code of an earlier version does not fit the database as later migrations left it."""


class DeployInProgress(OwnerError):
    """Another deploy of the same project has been running for longer than one may wait for."""


class Superseded(OwnerError):
    """A newer deploy of the same project was asked for before this one began."""


class Cancelled(OwnerError):
    """Somebody cancelled the job."""


class TooLate(OwnerError):
    """The job cannot be cancelled, because users see what it has made, or it has ended."""


class NotRepeatable(OwnerError):
    """The job has succeeded, or newer work has replaced it, so that there is no further attempt of it."""


# -- limits ------------------------------------------------------------------------------------------------
class LimitExceeded(OwnerError):
    """A program of the project needed more than it may use; the text names the limit, its value and how to raise it."""


class OutOfMemory(LimitExceeded):
    """The kernel ended a process because the program had reached its limit of memory."""


class TooManyProcesses(LimitExceeded):
    """A process or thread could not be started because there were as many as there may be."""


class TimeLimitExceeded(LimitExceeded):
    """A program took longer than it may, and was stopped."""


class FileTooLarge(LimitExceeded):
    """A program wanted to write a larger file than it may."""


class DiskFull(LimitExceeded):
    """A program found no space for its files, or the project's files take more than they may."""


class TooManyOpenFiles(LimitExceeded):
    """A process had as many files and connections open as it may."""


# -- build -------------------------------------------------------------------------------------------------
class NoMatchingPython(OwnerError):
    """No Python that sites can run on suits the project."""


class PythonMissing(OperatorError):
    """A server lacks the Python that a project needs, and it could not be fetched."""


class DependencyNotFound(OwnerError):
    """A dependency does not exist, or none of its versions fits."""


class DependencyBuildFailed(OwnerError):
    """A dependency has no wheel for this platform and its source does not build here.

    Args:
        package: the dependency, as an installer names it; empty if unknown.
    """

    def __init__(self, found: str, remedy: str, package: str = "") -> None:
        super().__init__(found, remedy)
        self.package = package


class UploadDatesMissing(OwnerError):
    """A package index does not say when its files were uploaded, so no older versions can be asked of it."""


class WrongPlatform(OwnerError):
    """Dependencies exist for other operating systems only.

    Args:
        packages: their names.
    """

    def __init__(self, found: str, remedy: str, packages: tuple[str, ...] = ()) -> None:
        super().__init__(found, remedy)
        self.packages = packages


class VerificationFailed(OwnerError):
    """The built project cannot be loaded: settings, checks, WSGI or ASGI application.

    Args:
        outgrown: the package that no longer has what the project uses, if that is the cause.
    """

    def __init__(self, found: str, remedy: str, outgrown: str = "") -> None:
        super().__init__(found, remedy)
        self.outgrown = outgrown


INSTALL_GIS = (
    "Install them on every build server and appserver (Debian: `apt-get install gdal-bin libgdal-dev libgeos-dev`), and "
    "PostGIS on the database servers; then deploy again."
)
"""What an operator does for GeoDjango."""


class UnsupportedDatabase(OwnerError):
    """The project needs a database engine that the platform does not offer."""


class DataNotCopied(OwnerError):
    """The rows of a committed database could not be copied into the site's; that has its tables, and none of the rows."""


class MissingLibrary(OperatorError):
    """The project needs a library of the operating system that the servers lack."""


class StaticFilesFailed(OwnerError):
    """collectstatic failed."""


class BundleRefused(OwnerError):
    """An archive holds something that must not be extracted."""


class WallsMissing(OperatorError):
    """The walls around code of projects cannot be put up on a server."""


# -- deploy ------------------------------------------------------------------------------------------------
class HookFailed(OwnerError):
    """A release hook (migrate, ...) failed; what users saw before, they still see."""


class HealthCheckFailed(OwnerError):
    """The site started but did not answer in time, or answered with an error."""


class ChecksumMismatch(OperatorError):
    """A downloaded layer does not match what was uploaded."""


class BundleMissing(OperatorError):
    """The bundle store no longer holds a layer that zoomdb lists."""


class StoreRefused(OperatorError):
    """The bundle store answers but refuses access: wrong keys, bucket or permissions."""


# -- servers -----------------------------------------------------------------------------------------------
class WrongServer(OperatorError):
    """Work reached a worker of the wrong role or on the wrong server; nothing was touched."""


class StaleWork(OperatorError):
    """Work arrived for a job that has already ended; nothing was touched."""


class Fenced(OperatorError):
    """The work was taken over by newer work while it did not answer; it wrote nothing after that."""


class NoAppserver(OperatorError):
    """No registered appserver is alive, has room, and has what the bundle needs."""


class NoServerOfRole(OperatorError):
    """No registered server of a required role is alive."""


class ProxyRefused(OperatorError):
    """nginx refused a configuration or did not load it; the old one still serves."""


class PortTaken(OperatorError):
    """A port that the stack needs is in use by another program."""


class StackProblem(OperatorError):
    """The embedded local stack cannot be started or used as asked."""


class StackDown(OperatorError):
    """The embedded local stack, which a command needs, does not run."""


class InvalidSetting(OperatorError):
    """A setting of the platform has a value that it cannot have."""


class LockHeld(OperatorError):
    """Another process has held a lock of the platform for longer than its work may take."""


class LockRefused(OperatorError):
    """A lock file of the platform is not the platform's own."""


class CommandFailed(OperatorError):
    """A program that we ran failed, and no more specific error applies."""


class ServiceUnavailable(TransientError):
    """zoomdb, the sites' database server, the bundle store or Prefect's server does not answer."""


class ServerLost(TransientError):
    """A server, or the process that worked there for a job, was not heard of any more."""


class Unexpected(OperatorError):
    """An error that nobody foresaw; the traceback is in the flow run's log."""


def from_record(record: FailureRecord) -> DzError:
    """Return the error that `record` was made from; an unknown code comes back as `Unexpected`."""
    known = _subclasses(DzError)
    return known.get(record.code, Unexpected)(record.found, record.remedy)


def _subclasses(base: type[DzError]) -> dict[str, type[DzError]]:
    found: dict[str, type[DzError]] = {}
    for child in base.__subclasses__():
        found[child.__name__] = child
        found |= _subclasses(child)
    return found
