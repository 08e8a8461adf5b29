"""Names from outside, checked in one place before anything uses them."""

import re

import idna

from dz.errors import InvalidName, InvalidRef

PROJECT_NAME = re.compile(r"[a-z][a-z0-9-]{1,30}", re.ASCII)
SYSID = re.compile(r"p[0-9]{8}", re.ASCII)
SERVER_ID = re.compile(r"[a-z][a-z0-9-]{0,40}", re.ASCII)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}", re.ASCII)
VALUE_BYTES = 32768
"""The most bytes of a variable's value; Linux takes four times as many."""
_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._/+@-]{0,199}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_RESERVED_PROJECTS = {"admin", "api", "www", "prefect", "zoomdb", "djangozoom", "localhost", "static"}
_RESERVED_VARIABLES = re.compile(r"(LD_|PYTHON|PREFECT_|DZ_|CONFIG_PG_|GUNICORN_CMD_ARGS$|PATH$|HOME$|IFS$|BASH)")


def sysid(project_id: int) -> str:
    """Return the id that names a project's Unix user, database and folders: `p00000001`."""
    return f"p{project_id:08d}"


def project_name(text: str) -> str:
    """Return `text` if it is a project name, else raise InvalidName."""
    if PROJECT_NAME.fullmatch(text) and text not in _RESERVED_PROJECTS and not text.endswith("-"):
        return text
    raise InvalidName(
        f"{text!r} cannot be the name of a project.",
        "Use 2 to 31 lower-case letters, digits and '-', beginning with a letter; "
        f"not one of: {', '.join(sorted(_RESERVED_PROJECTS))}.",
    )


def project_name_from_url(url: str) -> str:
    """Return the project name that the last part of a source URL suggests."""
    last = url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git").lower()
    name = re.sub(r"[^a-z0-9]+", "-", last).strip("-")[:31].strip("-")
    if not PROJECT_NAME.fullmatch(name) or name in _RESERVED_PROJECTS:
        name = f"site-{name}"[:31].strip("-")
    return project_name(name)


def git_ref(text: str) -> str:
    """Return `text` if it is a branch, tag or commit name that is safe to hand to git, else raise InvalidRef.

    The rules are those of git-check-ref-format(1), narrowed to ASCII and to names that cannot be taken for options.
    """
    bad = ".." in text or "@{" in text or "//" in text or text.endswith((".", "/", ".lock")) or "/." in text
    if bad or not _REF.fullmatch(text):
        raise InvalidRef(f"{text!r} is not a git branch, tag or commit.", "Give an existing branch, tag or commit.")
    return text


def hostname(text: str) -> str:
    """Return a host name in lower-case ASCII (IDNA 2008), or raise InvalidName.

    The name needs at least two labels and must be neither an address nor a wildcard, because this very value goes
    into nginx's configuration.
    """
    try:
        name = idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        name = ""
    labels = name.split(".")
    fine = len(name) <= 253 and len(labels) >= 2 and all(_LABEL.fullmatch(label) for label in labels)
    if fine and not labels[-1].isdigit():
        return name
    raise InvalidName(f"{text!r} is not a host name.", "Give a full name such as www.example.org.")


def variable(text: str) -> str:
    """Return `text` if an owner may set an environment variable of that name, else raise InvalidName."""
    if VARIABLE.fullmatch(text) and not _RESERVED_VARIABLES.match(text):
        return text
    raise InvalidName(
        f"{text!r} cannot be set as an environment variable.",
        "Use letters, digits and '_'; names that steer the interpreter or the platform (PATH, PYTHON*, LD_*, DZ_*) "
        "are reserved.",
    )


def variable_value(name: str, text: str) -> str:
    """Return `text` if variable `name` can have it as its value: UTF-8, at most 32 KiB, no NUL; else raise InvalidName."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidName(
            f"The value of {name} is not text in UTF-8.", "Encode it first, for example by `base64`."
        ) from error
    if "\0" in text:
        raise InvalidName(
            f"The value of {name} has a NUL character, which no process can hold in a variable.",
            "Encode it first, for example by `base64`.",
        )
    if size > VALUE_BYTES:
        raise InvalidName(
            f"The value of {name} has more than {VALUE_BYTES // 1024} KiB, the most that is kept of one.",
            "Give a shorter value, or have the project read it from a file of its own.",
        )
    return text
