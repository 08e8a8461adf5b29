"""What uv says when it cannot install, and what people read instead."""

from pathlib import Path

from dz.adapters.installer import NOWHERE, Listing, _relative, _words, failure
from dz.adapters.processes import Finished
from dz.errors import DependencyBuildFailed, InvalidRequirement, ServiceUnavailable


def finished(output: str) -> Finished:
    return Finished(argv=("uv",), returncode=1, output=output, timed_out=False, seconds=1.0)


def test_a_name_of_the_repository_that_a_package_needs_is_named() -> None:
    error = failure(finished(f"error: Distribution not found at: {NOWHERE}pricing"))
    assert isinstance(error, InvalidRequirement)
    assert "needs pricing, which is the name of a folder of the repository" in error.found


def test_an_index_of_the_project_that_does_not_answer_is_named() -> None:
    text = "error: Failed to fetch: `https://mine.example/simple/tax/`\n  Caused by: dns error"
    assert isinstance(failure(finished(text)), ServiceUnavailable)
    named = failure(finished(text), addresses=["https://other.example/simple", "https://mine.example/simple"])
    assert isinstance(named, ServiceUnavailable)
    assert "The package index https://mine.example/simple, which the project names, does not answer" in named.found


def test_a_folder_that_does_not_build_is_named_as_the_repository_has_it() -> None:
    done = _relative(
        finished("Failed to build `pricing @ file:///w/source/libs/pricing`\nin /w/source/libs"), Path("/w/source")
    )
    error = failure(done, folders=["libs/pricing"])
    assert isinstance(error, DependencyBuildFailed)
    assert "The dependency pricing @ ./libs/pricing has no wheel" in error.found
    assert "/w/" not in str(error)
    assert _relative(done, None) == done


def test_uv_is_told_where_everything_comes_from() -> None:
    listing = Listing(
        Path("r.txt"),
        overrides=Path("o.txt"),
        pins=Path("p.toml"),
        before=("https://a", "https://b"),
        instead="https://c",
        links=("/wheels",),
        lenient=True,
        sourced=("tax",),
    )
    assert " ".join(_words(listing)) == (
        "--requirements r.txt --requirements p.toml --overrides o.txt --index https://a --index https://b "
        "--default-index https://c --find-links /wheels --no-sources-package tax --index-strategy unsafe-first-match"
    )
    assert _words(Listing(Path("r.txt"))) == ["--requirements", "r.txt"]
