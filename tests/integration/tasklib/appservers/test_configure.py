import json
import os
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select

from dz import names
from dz.adapters.walls.confinement import of_this_server
from dz.tasklib.appservers import configure, instance
from dz.tasklib.appservers.walls import of_file
from dz.tasklib.proxies import hosts
from dz.zoomdb.models import Database, Server


def test_only_the_projects_user_reads_its_variables_and_code(site):
    site.boot()
    own = site.instance.env_file.stat()
    expected = (0o440, 0, site.owner[1]) if site.owner else (0o400, os.geteuid(), os.getegid())
    assert (own.st_mode & 0o777, own.st_uid, own.st_gid) == expected, "its user could change it, or others read it"
    assert site.instance.home.stat().st_mode & 0o777 == 0o700
    if site.owner:
        code = site.instance.bundle.parent.stat()
        assert (code.st_mode & 0o777, code.st_uid, code.st_gid) == (0o750, 0, site.owner[1])


def test_a_site_answers_to_its_own_names_and_trusts_its_own_forms_and_the_platforms_proxies(site):
    project = site.instance.project_id
    password = site.zoomdb.encryption.encrypt("s3cret-word", f"{names.sysid(project)}/database")
    with site.zoomdb.session() as session:
        server = Server(name="database-1", role="database", address="10.0.0.9")
        proxies = [Server(name=f"proxy-{n}", role="proxy", address=f"10.0.1.{n}") for n in (1, 2)]
        session.add_all([server, *proxies])
        session.flush()
        row = {"name": "shop", "user": "shop", "password": password, "host": "10.0.0.9", "port": 5432}
        session.add(Database(project_id=project, server_id=server.id, **row))
    hosts.claim_host(site.zoomdb, project, "shop.example.org")
    found = instance.find(site.zoomdb, site.instance.release_id, "app-1", folder=site.instance.folder)
    front = found.bundle / "dz" / "dz_front.py"
    front.parent.mkdir(parents=True, exist_ok=True)
    front.touch()
    configure.configure(site.zoomdb, found, owner=site.owner, local_names=["127.0.0.1"], within=of_this_server())
    variables = json.loads(found.env_file.read_text())
    assert variables["DZ_ALLOWED_HOSTS"] == "shop.example.org,127.0.0.1"
    assert json.loads(found.hosts_file.read_text()) == ["shop.example.org", "127.0.0.1"]
    assert variables["DZ_PROXIES"] == "10.0.1.1,10.0.1.2,127.0.0.1"
    assert variables["DZ_CSRF_TRUSTED_ORIGINS"] == "https://shop.example.org,http://shop.example.org"
    assert variables["DATABASE_URL"] == "postgres://shop:s3cret-word@10.0.0.9:5432/shop"
    assert (variables["DZ_STATIC_URL"], variables["DZ_MEDIA_ROOT"]) == ("/static/", str(found.media))
    assert "s3cret-word" in found.secrets()
    _reaches_the_database_by_its_socket(site, found)
    # A bundle of before sites took up names while they run is asked under any name that nginx lets through.
    front.unlink()
    configure.configure(site.zoomdb, found, owner=site.owner, within=of_this_server())
    assert json.loads(found.env_file.read_text())["DZ_ALLOWED_HOSTS"] == "*"


def _reaches_the_database_by_its_socket(site, found) -> None:
    """Where its server is on this machine; without walls, its port is the only way, and no password is said there."""
    with site.zoomdb.session() as session:
        session.scalars(select(Database)).one().host = "127.0.0.1"
    path, walls = Path("/run/sites/.s.PGSQL.5432"), of_this_server()
    for within, socket, asks in (
        (walls, path, None),
        (replace(walls, bwrap=None), path, "scram-sha-256"),
        (walls, None, None),
    ):
        configure.configure(site.zoomdb, found, owner=site.owner, within=within, database_socket=socket)
        assert json.loads(found.env_file.read_text()).get("PGREQUIREAUTH") == asks
        assert of_file(found).network.sockets == (((5432, str(path)),) if socket else ())
    other = path.with_name(".s.PGSQL.5433")
    configure.configure(site.zoomdb, found, owner=site.owner, within=walls, database_socket=other)
    assert of_file(found).network.sockets == ()


def test_a_variable_of_gunicorns_does_not_overrule_its_configuration(site):
    site.boot("fine")
    configure.write_files(site.instance, {"GUNICORN_CMD_ARGS": "--bind 127.0.0.1:1", "A": "b"}, owner=site.owner)
    told = json.loads(site.instance.env_file.read_text())
    assert "GUNICORN_CMD_ARGS" not in told
    assert told["A"] == "b"
