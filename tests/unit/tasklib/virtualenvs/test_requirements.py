"""The files that tell an installer what to install."""

from dz.tasklib.virtualenvs import requirements
from dz.tasklib.virtualenvs.local_packages import LocalPackage


def test_what_an_installer_reads_is_written_with_bounds_and_copies(tmp_path):
    found = requirements.Requirements(
        ["Django", "six"], constraints=["sqlparse<1"], local=[LocalPackage("lib", "lib")], own=["lib", "web"]
    )
    listing = requirements.write(found, tmp_path, copies=["/copy/lib"])
    assert listing.requirements.read_text() == "-c constraints.txt\nDjango\nsix\n/copy/lib\n"
    assert (tmp_path / "constraints.txt").read_text() == "sqlparse<1\n"
    assert listing.overrides is not None
    assert listing.overrides.read_text() == "web @ file:///nonexistent/repository/web\n"
    alone = requirements.write(requirements.Requirements(["six"]), tmp_path)
    assert (alone.requirements.read_text(), alone.overrides) == ("six\n", None)
