"""Packages of the operating system that a project needs."""

from pathlib import Path

from dz.tasklib.detection import system_packages
from tests.unit.tasklib.detection.projects import tree


def test_they_are_listed_installed_by_the_image_and_needed_by_distributions(tmp_path: Path) -> None:
    files = {
        "Aptfile": "libxml2-dev\n# a remark\n",
        "Dockerfile": "FROM python\nRUN apt-get install -y --no-install-recommends \\\n  ffmpeg curl \\\n && true\n",
        "requirements.txt": "django\npython-ldap==3.4  # needs a library\nxmlsec\n",
    }
    found = system_packages.find(tree(tmp_path, files), "", ["requirements.txt"], gis=False)
    assert found == [
        ("libxml2-dev", "Aptfile:1"),
        ("ffmpeg", "Dockerfile:2"),
        ("libldap2-dev", "requirements.txt:2"),
        ("libxmlsec1-dev", "requirements.txt:3"),
    ]


def test_a_guide_counts_only_where_no_image_installs(tmp_path: Path) -> None:
    files = {
        "README.md": "Run `apt install ffmpeg` first.\n",
        "Dockerfile.dev": "RUN apt-get install -y tesseract-ocr\n",
    }
    assert system_packages.find(tree(tmp_path, files), "", [], gis=False) == [("ffmpeg", "README.md:1")]
    files["Dockerfile"] = "FROM python\nRUN apt-get install -y libmagic1\n"
    assert system_packages.find(tree(tmp_path, files), "", [], gis=False) == [("libmagic1", "Dockerfile:2")]


def test_geodjango_needs_its_libraries(tmp_path: Path) -> None:
    assert ("gdal-bin", "GeoDjango:1") in system_packages.find(tree(tmp_path, {}), "", [], gis=True)
