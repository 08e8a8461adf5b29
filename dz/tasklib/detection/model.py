"""What detection says: guesses with their basis, and the inspection that sums them up."""

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Guess:
    """What detection believes of one field.

    Args:
        basis: `file:line` that it was read from.
        is_primary: a build takes this value unless somebody says otherwise.
        proof: read, proved or conflicting.
        happened: what a run showed, in a few words; empty if the value was only read.
    """

    field: str
    value: Any
    basis: str
    is_primary: bool = True
    proof: str = "read"
    happened: str = ""


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the production settings read.

    Args:
        basis: `file:line` of the first place that reads it.
        required: importing the settings fails without it.
        default: the text of the default, if that is a literal.
        supply: `platform` (DjangoZoom sets it), `default` (it may stay unset), `generate` (any random value will do:
            `contract.generated`) or `ask` (only the owner knows it).
        fills: what the platform puts in: a role that `variables.platform` has a value for, `=text` for that text, or
            `own` for what it always sets; "" unless supply is `platform`.
        note: what a person should know about it.
    """

    name: str
    basis: str
    required: bool = False
    default: str | None = None
    is_secret: bool = False
    supply: str = "ask"
    fills: str = ""
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the variable as JSON values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Risk:
    """Something by which a deploy could lose data.

    Args:
        kind: local_uploads, sqlite, sqlite_data, file_sessions, file_cache, memory_sessions or written_files.
        found: what the project does.
        basis: `file:line` that it was read from.
        choice: what DjangoZoom does about it, or what the owner can choose so that nothing is lost.
        safe: the platform keeps the data anyway; there is nothing to decide.
    """

    kind: str
    found: str
    basis: str
    choice: str
    safe: bool

    def to_json(self) -> dict[str, Any]:
        """Return the risk as JSON values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Inspection:
    """All that can be read from a work tree without running any of it; paths are relative to its root."""

    is_django: bool
    reason: str | None = None
    project_root: str | None = None
    manage_py: str | None = None
    settings_module: str | None = None
    wsgi: str | None = None
    asgi: str | None = None
    asgi_needed: bool = False
    dependency_files: tuple[str, ...] = ()
    package_manager: str | None = None
    extra_requirements: tuple[str, ...] = ()
    python_version: str | None = None
    python_version_basis: str = ""
    python_version_place: str = ""
    python_preference: str | None = None
    python_preference_place: str = ""
    django_version: str | None = None
    database: str | None = None
    env_required: tuple[str, ...] = ()
    env_needed: tuple[str, ...] = ()
    celery_app: str | None = None
    workers: tuple[str, ...] = ()
    procfile: bool = False
    needs_node_build: bool = False
    gis: bool = False
    legacy_python2: bool = False
    legacy_django1: bool = False
    whitenoise: bool = False
    static_root: str | None = None
    media_root: str | None = None
    system_packages: tuple[str, ...] = ()
    required_files: tuple[str, ...] = ()
    environment: tuple[Variable, ...] = ()
    risks: tuple[Risk, ...] = ()
    ambiguous: bool = False
    python_path_dirs: tuple[str, ...] = ()
    web: tuple[tuple[str, str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the inspection as JSON values."""
        return dataclasses.asdict(self)
