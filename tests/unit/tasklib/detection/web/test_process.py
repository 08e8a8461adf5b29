"""What is taken over of the web process that an owner wrote, and what is said of the rest."""

from pathlib import Path

import pytest

from dz.tasklib.detection.web import process
from tests.unit.tasklib.detection.projects import tree


def taken(root: Path, files: dict[str, str], folder: str = "", **given: str) -> dict[str, str]:
    return {key: value for key, value, _ in process.find(tree(root, files), folder, given).values}


def said(root: Path, files: dict[str, str]) -> str:
    return "\n".join(process.find(tree(root, files), "", {}).warnings)


@pytest.mark.parametrize(
    "options",
    [
        "-w 3 --threads 4 -t 300",
        "-w3 --threads=4 -t300",
        "--workers=3 --threads 4 --timeout=300",
        "--workers 3 --thread 4 --timeo 300",
        "-w ${WEB_CONCURRENCY:-3} --threads ${THREADS-4} --timeout 300 --bind 0.0.0.0:$PORT --log-file -",
    ],
)
def test_every_spelling_of_an_option_is_read(tmp_path: Path, options: str) -> None:
    found = taken(tmp_path, {"Procfile": f"release: x\nweb: gunicorn shop.wsgi:application {options}\n"})
    assert found == {"processes": "3", "threads": "4", "timeout": "300"}


def test_files_variables_and_command_line_count_as_gunicorn_has_it(tmp_path: Path) -> None:
    files = {
        "Procfile": "web: gunicorn shop.wsgi -c conf/gunicorn.py --timeout 5\n",
        "conf/gunicorn.py": "import os\nbind = ':1'\nworkers = int(os.environ.get('WORKERS', '2')) * 2 + 1\nthreads = 6\n"
        "timeout = 90\nmax_requests = 1000\nworker_class = 'gevent'\n",
        ".env.example": "GUNICORN_CMD_ARGS=--threads 7 --timeout 60\nWEB_CONCURRENCY=9\n",
    }
    found = taken(tmp_path, files)
    assert found == {
        "processes": "5",
        "threads": "7",
        "timeout": "5",
        "max_requests": "1000",
        "worker_class": "gevent",
    }
    own = taken(tmp_path, files, GUNICORN_CMD_ARGS="--threads 8", WORKERS="3")
    assert (own["threads"], own["processes"]) == ("8", "7"), "what the owner has set here counts more"


def test_a_file_in_its_usual_place_and_the_usual_variable_are_read_without_being_named(tmp_path: Path) -> None:
    assert taken(tmp_path / "a", {"gunicorn.conf.py": "workers = 4\n"}) == {"processes": "4"}
    assert taken(tmp_path / "b", {"Procfile": "web: gunicorn x.wsgi\n"}, WEB_CONCURRENCY="4") == {"processes": "4"}


def test_an_option_that_is_not_taken_over_is_named_with_what_does_it(tmp_path: Path) -> None:
    files = {
        "Procfile": "web: gunicorn shop.wsgi -b :80 --statsd-host x:1 -e A=secret --workers $(nproc) --log-file -\n",
        "gunicorn.conf.py": "import multiprocessing\nthreads = multiprocessing.cpu_count() * 2\nworker_class = 'eventlet'\n"
        "def post_fork(server, worker):\n    pass\nif True:\n    timeout = 5\n",
    }
    assert said(tmp_path, files).splitlines() == [
        "gunicorn.conf.py:2: threads is not taken over: it depends on the number of processors; set threads in zoombuild.cfg.",
        "gunicorn.conf.py:3: worker_class is not taken over: worker_class in zoombuild.cfg does it, and cannot be 'eventlet'.",
        "gunicorn.conf.py:4: the function post_fork is not taken over: call what it does in the ready() of an AppConfig.",
        "gunicorn.conf.py:7: timeout is not taken over: it depends on a condition; set timeout in zoombuild.cfg.",
        "Procfile:1: -e is not taken over: set variables with `dz variables`.",
        "Procfile:1: --workers is not taken over: it depends on $(nproc); set processes in zoombuild.cfg.",
        "Procfile:1: --statsd-host is not taken over: DjangoZoom has nothing for it.",
        "Procfile:1: DjangoZoom itself sees to -b, --log-file.",
    ]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("uvicorn shop.asgi:application --workers 4 --port $PORT", {"processes": "4", "use_asgi": "true"}),
        ("daphne -b 0.0.0.0 -p $PORT -t 120 shop.asgi:application", {"timeout": "120", "use_asgi": "true"}),
        ("hypercorn shop.asgi:application -w 2", {"processes": "2", "use_asgi": "true"}),
        ("gunicorn shop.asgi -k uvicorn.workers.UvicornWorker -w 2", {"processes": "2", "use_asgi": "true"}),
        (
            "waitress-serve --threads=8 --max-request-body-size=209715200 x:app",
            {"threads": "8", "request_body_mb": "200"},
        ),
        ("granian --interface wsgi --workers 2 --blocking-threads 8 x:app", {"processes": "2", "threads": "8"}),
        (
            "uwsgi --ini uwsgi.ini --processes 4",
            {"processes": "4", "threads": "2", "timeout": "120", "limit_request_field_size": "32768"},
        ),
    ],
)
def test_what_is_said_to_another_server_is_translated(tmp_path: Path, line: str, found: dict[str, str]) -> None:
    ini = (
        "[uwsgi]\nmodule = shop.wsgi\nprocesses = 8\nthreads = 2\nharakiri = 120\nbuffer-size = 32768\nvacuum = true\n"
    )
    assert taken(tmp_path, {"Procfile": f"web: {line}\n", "uwsgi.ini": ini}) == found


def test_what_uwsgi_does_besides_is_named(tmp_path: Path) -> None:
    ini = "[uwsgi]\nmaster = true\ncron = 0 2 -1 -1 -1 backup\nstatic-map = /static=/app/static\nprocesses = %k\n"
    assert said(tmp_path, {"uwsgi.ini": ini}).splitlines() == [
        "uwsgi.ini:3: cron is not taken over: it does not run here.",
        "uwsgi.ini:4: static-map is not taken over: use site_media_map.",
        "uwsgi.ini:5: processes is not taken over: it depends on the number of processors; set processes in zoombuild.cfg.",
        "uwsgi.ini:2: DjangoZoom itself sees to master.",
    ]


def test_a_folder_that_the_project_runs_in_anyway_is_no_matter(tmp_path: Path) -> None:
    files = {"Procfile": "web: gunicorn --chdir src shop.wsgi\n", "src/shop/wsgi.py": ""}
    assert process.find(tree(tmp_path, files), "src", {}).warnings == (
        "Procfile:1: DjangoZoom itself sees to --chdir.",
    )
    assert "project_root" in process.find(tree(tmp_path, files), "", {}).warnings[0]


def test_code_that_streams_is_found(tmp_path: Path) -> None:
    files = {"tests/test_x.py": "StreamingHttpResponse(", "shop/views.py": "\nreturn StreamingHttpResponse(rows())\n"}
    assert process.streams(tree(tmp_path, files), "") == "shop/views.py:2"


@pytest.mark.parametrize(
    "text",
    [
        "web: gunicorn 'x",
        "web: gunicorn -w",
        "web: gunicorn " + "$(" * 500,
        "web: " + "sh -c " * 300,
        "web: (((",
        "web: A=1",
    ],
)
def test_nothing_that_is_written_there_does_harm(tmp_path: Path, text: str) -> None:
    process.find(
        tree(tmp_path, {"Procfile": text, "gunicorn.conf.py": "workers = 9 ** 9 ** 9\nx = 'a' * 10**9\n"}), "", {}
    )
