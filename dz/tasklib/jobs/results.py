"""What a job has found or made: the keys of its result, which people and programs read as JSON."""

from typing import Any, TypedDict


class JobResult(TypedDict, total=False):
    """The result of a job; a key is there once its step has run, or if its kind of job has it at all."""

    commit: str
    """Of every job that has checked out code: all 40 digits."""

    is_django: bool
    """Of a check, as are the four keys below: whether the repository holds a Django project."""
    reason: str | None
    """Why it is none."""
    ambiguous: bool
    """Several candidates are equally likely."""
    guesses: int
    """How many guesses were stored."""
    proof: dict[str, Any]
    """The summary of the proof; see `proof.Proof.to_json`."""

    version: int
    """Of a deploy or rollback: the number of the release."""
    unchanged: bool
    """Nothing has changed since the version that serves, so it was left."""
    url: str
    """Where the site is."""
    project: str
    """The project's name."""
    hosts: list[str]
    """Host names that show the site."""

    form: int
    """Of a launch, as are the keys below: the number of the form that waits for a person."""
    wanted: list[dict[str, Any]]
    """Variables that nobody has set; see `variables.missing.MissingVariable`."""
    reasons: list[str]
    """Why a person must be asked."""
    check: int | None
    """The job of its check."""
    deploy: int | None
    """The job of its deploy."""
