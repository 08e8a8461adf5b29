from dz.cli import main
from dz.tasklib.servers import heartbeats
from dz.zoomdb import Zoomdb
from tests.integration.cli.commands import dz


def test_without_servers_the_list_is_empty(zoomdb: Zoomdb, capsys) -> None:
    assert dz(capsys, "servers") == (0, {"servers": []})


def test_servers_are_listed_with_what_they_last_said(zoomdb: Zoomdb, capsys) -> None:
    facts = {"pythons": ["3.11.2"], "fetched_pythons": {"5" * 64: "3.12.1"}}
    load = heartbeats.Load(12.4, 34.6, 56, 1, 2)
    heartbeats.beat(zoomdb, "app-1", role="appserver", address="10.0.0.4", capacity=5, load=load, facts=facts)
    heartbeats.register(zoomdb, "proxy-1", role="proxy", address="10.0.0.9", capacity=5)
    assert main.run(["servers"]) == 0
    _, app, proxy = capsys.readouterr().out.splitlines()
    assert app.split()[:4] == ["app-1", "appserver", "10.0.0.4", "alive"]
    assert app.split()[-9:] == ["2/5", "12", "%", "35", "%", "56", "%", "3.11.2,", "3.12.1"]
    assert proxy.split() == ["proxy-1", "proxy", "10.0.0.9", "silent"], "a proxy runs no site"
    assert [server["alive"] for server in dz(capsys, "servers")[1]["servers"]] == [True, False]
