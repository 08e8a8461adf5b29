"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from dz import names
from dz.cli import typed

AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object on stdout; all else goes to stderr.")]
Local = Annotated[bool, typer.Option("--local", help="Do all the work in this process, without workers.")]
Ref = Annotated[
    str | None, typer.Option("--ref", help="Branch, tag or commit; default: as before, or the default one.")
]
Variables = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Environment variable of the site; stored encrypted. Repeatable."),
]


Files = Annotated[
    list[str] | None,
    typer.Option(
        "--file",
        metavar="NAME=PATH",
        help="Environment variable whose value is a file's whole content, but for one newline at its end. Repeatable.",
    ),
]


ChosenData = Annotated[
    bool | None,
    typer.Option(
        "--with-data/--without-data",
        help="Copy the rows of the SQLite database that was committed with the code, as --yes does, or begin without them.",
    ),
]
WithData = Annotated[
    bool,
    typer.Option(
        "--with-data", help="Copy the rows of the SQLite database that was committed with the code; first deploy only."
    ),
]


def given_variables(given: list[str] | None, in_files: list[str] | None = None) -> dict[str, str]:
    """Return the values of `--set NAME=VALUE` and `--file NAME=PATH`, checked; raises BadParameter or InvalidName."""
    values: dict[str, str] = {}
    for item in in_files or []:
        name, equals, path = item.partition("=")
        if not equals or not path:
            raise typer.BadParameter(f"--file {name!r}: write NAME=PATH.")
        values[names.variable(name)] = typed.of_file(name, Path(path))
    for item in given or []:
        name, equals, value = item.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set {name!r}: write NAME=VALUE.")
        values[names.variable(name)] = names.variable_value(name, value)
    return values
