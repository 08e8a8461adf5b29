"""What configuration files of servers say."""

from pathlib import Path

import pytest

from dz.tasklib.detection.web import files
from tests.unit.tasklib.detection.projects import tree


def test_a_file_of_gunicorn_is_read_with_the_line_of_each_setting(tmp_path: Path) -> None:
    text = "import os\nhere = 5\nworkers = here\npreload_app = True\nreload = False\n\ndef on_exit(server): pass\n"
    found = files.gunicorn(tree(tmp_path, {"gunicorn.conf.py": text}), "gunicorn.conf.py", {})
    assert [(one.name, one.value, one.basis) for one in found] == [
        ("workers", "5", "gunicorn.conf.py:3"),
        ("preload_app", "", "gunicorn.conf.py:4"),
        ("the function on_exit", "", "gunicorn.conf.py:7"),
    ]


@pytest.mark.parametrize("text", ["workers = ", "", "[uwsgi", "\0"])
def test_a_broken_file_says_nothing(tmp_path: Path, text: str) -> None:
    there = tree(tmp_path, {"gunicorn.conf.py": text, "uwsgi.ini": text})
    assert files.gunicorn(there, "gunicorn.conf.py", {}) == files.uwsgi(there, "uwsgi.ini", {}) == []


def test_a_file_of_uwsgi_is_read_with_its_variables(tmp_path: Path) -> None:
    text = "[uwsgi]\nprocesses = $(N)\nmaster\nvacuum = false\nprocesses = 4\n"
    found = files.uwsgi(tree(tmp_path, {"uwsgi.ini": text}), "uwsgi.ini", {"N": "3"})
    assert [(one.meaning, one.value) for one in found] == [("processes", "4"), ("master", "true")]


def test_a_file_is_found_where_the_image_has_it(tmp_path: Path) -> None:
    there = tree(tmp_path, {"src/gunicorn.conf.py": "", "ops/uwsgi.ini": "", "dev/other.ini": ""})
    assert files.found(there, "src", "./gunicorn.conf.py") == "src/gunicorn.conf.py"
    assert files.found(there, "", "/etc/uwsgi.ini") == "ops/uwsgi.ini"
    assert files.found(there, "", "/etc/other.ini") is None


@pytest.mark.parametrize(
    ("size", "megabytes"), [("250M", "250"), ("1g", "1024"), ("512k", "1"), ("0", "10240"), ("99g", "10240")]
)
def test_files_of_nginx_say_how_large_bodies_may_be(tmp_path: Path, size: str, megabytes: str) -> None:
    text = f"server {{\n  client_max_body_size {size};\n  proxy_read_timeout 5m;\n}}\n"
    assert files.nginx(tree(tmp_path, {"ops/nginx.conf": text, "ops/nginx.dev.conf": text})) == [
        ("request_body_mb", megabytes, "ops/nginx.conf:2"),
        ("timeout", "300", "ops/nginx.conf:3"),
    ]
