"""What a Procfile names besides the web process is said not to run, unless a deploy does it itself."""

from pathlib import Path

from dz.tasklib.detection import inspect, procfile
from dz.tasklib.detection.tree import Tree

PROCFILE = """# processes
web: gunicorn shop.wsgi
release: python manage.py migrate && python manage.py loaddata colours
worker: celery -A shop worker
bot: python bot.py
"""


def test_processes_and_release_commands_that_nobody_runs_are_named_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text(PROCFILE)
    release = (
        "Procfile:3 has the release command python manage.py migrate && python manage.py loaddata colours, which is not run: "
        "name its management commands under `hooks` in zoombuild.cfg."
    )
    found = [
        release,
        "Procfile:5 names the process bot (python bot.py), which is not run: only web is.",
    ]
    assert procfile.not_run(Tree(tmp_path)) == found
    assert inspect(tmp_path).warnings == tuple(found)


def test_what_a_deploy_does_itself_is_not_mentioned(tmp_path: Path) -> None:
    text = "web: gunicorn a.wsgi\nrelease: python manage.py migrate --noinput; python manage.py collectstatic\n"
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "Procfile").write_text(text)
    assert procfile.not_run(Tree(tmp_path)) == []
