"""What is asked of a project whose settings are read."""

from pathlib import Path

from dz.tasklib.detection import answers
from tests.unit.tasklib.detection.projects import ENTRY, MANAGE, SETTINGS, project


def test_the_class_of_django_configurations_for_production_is_read(tmp_path: Path) -> None:
    chosen = "import os\nNAME = os.environ.get('DJANGO_CONFIGURATION', 'Local')\nif NAME == 'Local':\n    from site1.config.local import Local\nelif NAME == 'Production':\n    from site1.config.production import Production\n"
    common = "from configurations import Configuration\nclass {}(Configuration):\n    INSTALLED_APPS = []\n    ROOT_URLCONF = 'site1.urls'\n    DATABASES = {{'default': {{'ENGINE': 'django.db.backends.{}'}}}}\n"
    files = {
        "manage.py": MANAGE.replace("site1.settings", "site1.config"),
        "site1/settings.py": "",
        "site1/config/__init__.py": chosen,
        "site1/config/local.py": common.format("Local", "sqlite3"),
        "site1/config/production.py": common.format("Production", "mysql"),
    }
    assert project(tmp_path, files).database == "mysql"


def test_equal_guesses_are_told_once_and_the_first_is_taken() -> None:
    found = answers.listed("wsgi", [("a", "a.py:1"), ("b", "b.py:1"), ("a", "c.py:1")])
    assert [(guess.value, guess.basis, guess.is_primary) for guess in found] == [
        ("a", "a.py:1", True),
        ("b", "b.py:1", False),
    ]


def test_every_question_answers_for_a_project_that_says_nothing(tmp_path: Path) -> None:
    found = project(tmp_path, {"site1/settings.py": "INSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\n"})
    assert found.is_django
    assert (found.wsgi, found.dependency_files, found.celery_app, found.static_root) == (None, (), None, None)


ROUTER = (
    "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({'websocket': 1, 'http': 2})\n"
)


def test_a_router_that_serves_pages_too_takes_the_place_of_asgi_py(tmp_path: Path) -> None:
    files = {
        "site1/settings.py": f"{SETTINGS}ASGI_APPLICATION = 'site1.routing.application'\n",
        "site1/asgi.py": ENTRY.format("asgi", "site1.settings"),
        "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
        "site1/routing.py": ROUTER,
    }
    found = project(tmp_path, files)
    assert (found.asgi, found.asgi_needed) == ("site1.routing:application", True)


def test_socket_io_needs_asgi(tmp_path: Path) -> None:
    entry = (
        ENTRY.format("asgi", "site1.settings") + "import socketio\napplication = socketio.ASGIApp(sio, application)\n"
    )
    files = {"site1/asgi.py": entry, "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings")}
    assert project(tmp_path, files).asgi_needed


def test_a_router_whose_websockets_are_a_comment_needs_no_asgi(tmp_path: Path) -> None:
    entry = ENTRY.format("asgi", "site1.settings").rpartition("application")[0]
    router = "from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({'http': 1,  # 'websocket': 2\n})\n"
    files = {"site1/asgi.py": entry + router, "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings")}
    assert not project(tmp_path, files).asgi_needed
