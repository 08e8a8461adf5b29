"""`dz check URL`: how a project would be built, and why we think so."""

from typing import Annotated, Any

import typer

from dz import names, wiring
from dz.cli import output, runs
from dz.cli.options import AsJson, Local, Ref
from dz.tasklib.detection.wording import text
from dz.tasklib.guesses import rows
from dz.tasklib.jobs.jobs import JobView
from dz.text import printable
from dz.zoomdb.states import JobKind
from tasks.parameters import Source


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check")(check)


def check(
    url: Annotated[str, typer.Argument(help="A git URL.")],
    ref: Ref = None,
    prove: Annotated[
        bool, typer.Option("--prove/--no-prove", help="Run what was guessed, confined; else only read the files.")
    ] = True,
    as_json: AsJson = False,
    local: Local = False,
) -> None:
    """Inspect a repository, run it once in a throw-away environment, and list what was guessed and what happened."""
    job, found = inspect_source(url, ref, local=local, prove=prove)
    if as_json:
        output.print_json({"job": job.id, **job.result, "guesses": [vars(guess) for guess in found]})
        return
    if not job.result.get("is_django"):
        output.note(f"This is no Django project that can be deployed: {job.result.get('reason', '')}")
        return
    rows = [(g.field, text(g.value), "*" if g.is_primary else "", g.proof, g.basis, g.happened) for g in found]
    output.print_table(("field", "value", "primary", "proof", "basis", "what happened"), rows)
    proof = job.result.get("proof")
    if proof:
        output.note(f"Proof: {proof['outcome']}: {proof['happened']} ({proof['seconds']} s)")
    output.note(
        f"Next: dz launch --check {job.id}" if proof else f"Next: dz launch {url}" + (f" --ref {ref}" if ref else "")
    )
    if link := job.result.get("form_url"):
        output.note("or in the Prefect UI:")
        output.console(stderr=True).print(printable(link), soft_wrap=True, highlight=False, markup=False)


def inspect_source(url: str, ref: str | None, *, local: bool, prove: bool) -> tuple[JobView, list[Any]]:
    """Run check_repo on a git URL and return its job and the guesses that it stored."""
    wiring.git().source(url)  # refused here, before a URL that may hold a password is stored as a parameter
    source = Source(url=url, ref=names.git_ref(ref) if ref else None, prove=prove)
    job = runs.run(JobKind.CHECK_REPO, source, local=local)
    return job, rows.load(wiring.zoomdb(), job.id)
