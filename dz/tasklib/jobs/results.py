"""What a job has found or made: the keys of its result, which people and programs read as JSON."""

from typing import Any, TypedDict


class Answer(TypedDict):
    """The HTTP status that a page of a site has."""

    path: str
    status: int


class JobResult(TypedDict, total=False):
    """The result of a job; a key appears once its step has run, and only in the kinds of job that have that step."""

    commit: str
    """Jobs that check out code: the commit's id, all 40 digits."""

    is_django: bool
    """Checks, like the next five keys: whether the repository holds a Django project."""
    reason: str | None
    """Why it holds none."""
    ambiguous: bool
    """Whether several candidates are equally likely."""
    unmet: dict[str, str] | None
    """What the project needs and cannot be given here: `code`, `found` and `remedy` of an error."""
    guesses: int
    """How many guesses were stored."""
    proof: dict[str, Any]
    """The summary of the proof; see `proof.Proof.to_json`."""

    form_url: str | None
    """The page of the Prefect UI that leads on to the form; None: there is no UI."""

    version: int
    """Deploys and rollbacks: the number of the release."""
    behind: list[str]
    """Proxies that were away when the version was published, and may still show the one before."""
    unchanged: bool
    """Nothing has changed since the serving version, so it was kept."""
    url: str
    """Where the site is."""
    project: str
    """The project's name."""
    copied: dict[str, int]
    """The number of rows of each table that were copied from the database that was committed with the code."""
    answers: list[Answer]
    """What the page of the health check answers, and where that is an error, other pages of the site."""
    hosts: list[str]
    """Host names that show the site."""

    form: int
    """Launches, like the keys below: the number of the form that waits for a person."""
    wanted: list[dict[str, Any]]
    """Variables that nobody has set; see `variables.missing.MissingVariable`."""
    reasons: list[str]
    """Why a person must be asked."""
    offers_rows: bool
    """Whether the rows of a committed database are offered, and nobody has said yes or no."""
    check: int | None
    """The id of its check job."""
    deploy: int | None
    """The id of its deploy job."""
