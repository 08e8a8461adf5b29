"""The command that starts the web process, wherever it stands."""

from pathlib import Path

import pytest

from dz.tasklib.detection.web.commands import find
from tests.unit.tasklib.detection.projects import tree


def words(root: Path, files: dict[str, str]) -> list[str] | None:
    command = find(tree(root, files), "", {})
    return command and [command.server, *command.words]


@pytest.mark.parametrize(
    "line",
    [
        "python manage.py migrate && gunicorn shop.wsgi -w 3",
        "exec gunicorn shop.wsgi -w 3",
        "newrelic-admin run-program gunicorn shop.wsgi -w 3",
        "poetry run python -m gunicorn shop.wsgi -w 3",
        "bash -lc 'cd src; gunicorn shop.wsgi -w 3'",
        "sh bin/start.sh",
        "./bin/start.sh",
        "A=3 B=1 gunicorn shop.wsgi -w 3 > /dev/null 2>&1",
    ],
)
def test_the_server_is_found_behind_whatever_starts_it(tmp_path: Path, line: str) -> None:
    script = "#!/bin/sh\n# gunicorn -w 9\nset -e\nWORKERS=${WORKERS:-3}\npip install gunicorn\nif true; then\n"
    script += "  exec gunicorn shop.wsgi \\\n    -w $WORKERS\nfi\n"
    found = words(tmp_path, {"Procfile": f"web: {line}\n", "bin/start.sh": script})
    assert found
    assert found[:4] == ["gunicorn", "shop.wsgi", "-w", "3"]


@pytest.mark.parametrize(
    "files",
    [
        {"Procfile": "release: gunicorn no\nweb: gunicorn -w 3\n"},
        {"Dockerfile": 'CMD ["gunicorn", "-w", "3"]\n'},
        {"Dockerfile": "CMD gunicorn \\\n  -w 3\n"},
        {"Dockerfile": 'ENTRYPOINT ["gunicorn"]\nCMD ["-w", "3"]\n'},
        {
            "Dockerfile": 'COPY ops/start /start\nENTRYPOINT ["/entry"]\nCMD ["/start"]\n',
            "ops/start": "gunicorn -w 3\n",
        },
        {"compose.yml": "services:\n  web:\n    command: gunicorn -w 3\n  worker:\n    command: celery -A x worker\n"},
        {"compose.yml": "services:\n  web:\n    command: [gunicorn, -w, '3']\n"},
        {"render.yaml": "services:\n  - type: web\n    startCommand: gunicorn -w 3\n"},
        {"heroku.yml": "run:\n  web: gunicorn -w 3\n"},
        {"railway.json": '{"deploy": {"startCommand": "gunicorn -w 3"}}'},
        {"fly.toml": "[processes]\napp = 'gunicorn -w 3'\n"},
        {"deploy/shop.service": "[Service]\nExecStart=/srv/env/bin/gunicorn -w 3\n"},
        {"bin/start.sh": "gunicorn -w 3\n", "bin/start-dev.sh": "gunicorn -w 9\n"},
        {"docker-compose.dev.yml": "services:\n  a:\n    command: gunicorn -w 9\n", "Procfile": "web: gunicorn -w 3\n"},
    ],
)
def test_it_is_found_wherever_platforms_look_for_it(tmp_path: Path, files: dict[str, str]) -> None:
    assert words(tmp_path, files) == ["gunicorn", "-w", "3"]


@pytest.mark.parametrize(
    "files",
    [
        {"docker-compose.dev.yml": "services:\n  web:\n    command: gunicorn -w 3\n"},
        {"Procfile": "web: gunicorn --reload -w 9\n"},
        {"Procfile": "web: python manage.py runserver\n"},
        {"bin/start.sh": "pip install gunicorn\necho gunicorn\nmkdir /var/log/gunicorn\n"},
        {"a.sh": "sh b.sh\n", "b.sh": "sh a.sh\n", "Procfile": "web: sh a.sh\n"},
    ],
)
def test_what_starts_no_server_of_a_deploy_is_passed_over(tmp_path: Path, files: dict[str, str]) -> None:
    assert words(tmp_path, files) is None


def test_the_projects_own_procfile_and_the_image_for_production_come_first(tmp_path: Path) -> None:
    command = find(
        tree(tmp_path / "a", {"Procfile": "web: gunicorn -w 9\n", "src/Procfile": "web: gunicorn -w 3\n"}), "src", {}
    )
    assert command
    assert command.basis == "src/Procfile:1"
    files = {"Dockerfile": "CMD gunicorn -w 9\n", "ops/production/Dockerfile": "FROM x\nCMD gunicorn -w 3\n"}
    command = find(tree(tmp_path / "b", files), "", {})
    assert command
    assert command.basis == "ops/production/Dockerfile:2"


def test_scripts_that_call_each_other_again_and_again_are_read_once_each(tmp_path: Path) -> None:
    scripts = {f"s{n}.sh": "".join(f"./s{m}.sh\n" for m in range(8)) * 20 + "gunicorn_not\n" for n in range(8)}
    assert words(tmp_path, {"Procfile": "web: ./s0.sh\n", **scripts}) is None
