"""Which WSGI or ASGI application a deploy starts."""

from pathlib import Path

from tests.unit.tasklib.detection.projects import ENTRY, project


def test_an_entry_point_in_a_package_called_wsgi_is_found(tmp_path: Path) -> None:
    files = {"wsgi/__init__.py": "", "wsgi/app.py": ENTRY.format("wsgi", "site1.settings")}
    assert project(tmp_path, files).wsgi == "wsgi.app:application"


def test_channels_get_default_application_needs_asgi(tmp_path: Path) -> None:
    files = {
        "site1/wsgi.py": ENTRY.format("wsgi", "site1.settings"),
        "site1/asgi.py": "from channels.routing import get_default_application\napplication = get_default_application()\n",
    }
    assert project(tmp_path, files).asgi_needed


def test_application_is_the_entry_point_and_not_what_it_wraps(tmp_path: Path) -> None:
    entry = ENTRY.format("asgi", "site1.settings").replace("\napplication", "\nasgi_application")
    wrapped = f"{entry}from channels.routing import ProtocolTypeRouter\napplication = ProtocolTypeRouter({{'websocket': 1}})\n"
    assert project(tmp_path, {"site1/asgi.py": wrapped}).asgi == "site1.asgi:application"
