import io
import json

from dz.cli import main
from dz.tasklib import projects
from dz.tasklib.variables import stored
from dz.zoomdb import Zoomdb


def test_variables_go_in_from_stdin_and_only_their_names_come_out(zoomdb: Zoomdb, monkeypatch, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"one secret\nanother\n")))
    assert main.run(["variables", "shop", "--ask", "A_KEY", "--ask", "B_KEY", "--set", "C=3", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["variables"] == ["A_KEY", "B_KEY", "C"]
    assert stored.of_project(zoomdb, project.id) == {"A_KEY": "one secret", "B_KEY": "another", "C": "3"}
    assert main.run(["variables", "shop", "--unset", "B_KEY"]) == 0
    written = capsys.readouterr()
    assert "A_KEY" in written.out
    assert "B_KEY" not in written.out
    assert "secret" not in written.out + written.err
    assert main.run(["variables", "shop", "--ask", "D_KEY", "--json"]) == 1  # stdin is at its end
    assert main.run(["variables", "shop", "--set", "PATH=x", "--json"]) == 1
