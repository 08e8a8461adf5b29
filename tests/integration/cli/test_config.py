from dz.cli import main
from dz.tasklib import projects
from dz.tasklib.configuration import confirmed
from dz.zoomdb import Zoomdb


def test_configurations_are_exported_by_number(zoomdb: Zoomdb, capsys) -> None:
    project = projects.ensure(zoomdb, name="shop", url="https://example.org/shop.git", ref=None)
    assert main.run(["config", "shop", "--json"]) == 1
    for text in ("[project]\ntitle = One\n", "[project]\ntitle = Two\n", "[project]\ntitle = Two\n"):
        confirmed.store(zoomdb, project.id, text)
    capsys.readouterr()
    assert main.run(["config", "shop"]) == 0
    assert capsys.readouterr().out == "[project]\ntitle = Two\n"
    assert main.run(["config", "shop", "--version", "1"]) == 0
    assert capsys.readouterr().out == "[project]\ntitle = One\n"
    assert main.run(["config", "shop", "--version", "3", "--json"]) == 1
    assert "kept are: 2, 1" in capsys.readouterr().out
