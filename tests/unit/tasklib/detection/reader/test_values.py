"""Values that are more than Python's own."""

from dz.tasklib.detection.reader.values import EnvironPath


def test_a_path_of_django_environ_goes_up_and_down() -> None:
    root = EnvironPath("/shop/config/settings.py") - 2
    assert str(root) == "/shop"
    assert root("static", "css") == "/shop/static/css"
    assert str(root.path(".env")) == "/shop/.env"


def test_a_path_goes_up_no_further_than_the_root() -> None:
    assert str(EnvironPath("/shop") - 10**9) == "/"
