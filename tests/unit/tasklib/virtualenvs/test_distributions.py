"""What is installed in a virtualenv, read from its folder."""

from pathlib import Path

from dz.tasklib.virtualenvs import distributions


def test_versions_and_owners_are_read_from_the_folders_of_packages(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "python3.12" / "site-packages"
    for folder, record in (
        ("Django-3.2.1.dist-info", "django/__init__.py,,\ndjango/utils/http.py,,\n"),
        ("PyYAML-6.0.dist-info", "_yaml/__init__.py,,\nyaml/__init__.py,,\n"),
        ("six-1.17.0.dist-info", "six.py,,\n"),
        ("typing_extensions-4.15.0.dist-info", ""),
    ):
        (site / folder).mkdir(parents=True)
        (site / folder / "RECORD").write_text(record)
    found = distributions.versions(tmp_path)
    assert found == {"django": "3.2.1", "pyyaml": "6.0", "six": "1.17.0", "typing-extensions": "4.15.0"}
    owners = {
        name: distributions.owner_of(tmp_path, name) for name in ("django.utils.http", "yaml", "six", "djang", "")
    }
    assert owners == {"django.utils.http": "django", "yaml": "pyyaml", "six": "six", "djang": "", "": ""}
