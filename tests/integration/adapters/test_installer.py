"""uv, as the installer that builds use, also at servers that want a password."""

import base64
import functools
import http.server
import subprocess
import threading
import zipfile

import pytest

from dz.adapters import files, users
from dz.adapters.installer import Listing, UvInstaller
from dz.errors import DzError, InvalidRequirement
from dz.tasklib.virtualenvs import addresses, requirements
from dz.tasklib.virtualenvs.indexes import Indexes
from dz.tasklib.virtualenvs.requirements import Requirements
from tests.integration.django_projects import USER, make_project

LOGIN = base64.b64encode(b"t0ken:x-oauth-basic").decode()


class Private(http.server.SimpleHTTPRequestHandler):
    """Shows its folder to those who have the token, and notes what others asked for."""

    def do_GET(self):
        if self.headers["Authorization"] == f"Basic {LOGIN}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="private"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """A server with a wheel and a git repository, as `http://HOST:PORT`."""
    folder = tmp_path_factory.mktemp("private")
    with zipfile.ZipFile(folder / "wheeled-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wheeled.py", "X = 1\n")
        wheel.writestr("wheeled-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: wheeled\nVersion: 1\n")
        wheel.writestr("wheeled-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("wheeled-1.dist-info/RECORD", "")
    source = folder / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text('[project]\nname = "cloned"\nversion = "1"\n')
    (source / "cloned.py").write_text("X = 1\n")
    git = ["git", "-c", "user.name=Owner", "-c", "user.email=owner@example.org"]
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "one"],
        ["clone", "-q", "--bare", ".", "../cloned.git"],
    ):
        subprocess.run([*git, *words], cwd=source, check=True)
    subprocess.run(["git", "update-server-info"], cwd=folder / "cloned.git", check=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Private, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("line", ["wheeled @ {}/wheeled-1-py3-none-any.whl", "cloned @ git+{}/cloned.git"])
def test_a_private_package_is_fetched_with_the_password_of_the_home_that_is_given(
    private, build_server, sandbox, python, line, tmp_path_factory
):
    work = build_server / f"private-{line[:6]}"
    work.mkdir()
    target, cache = users.owned(work / "env", USER), users.owned(work / "cache", USER)
    home = work / "home"
    home.mkdir(mode=0o700)
    owner = users.ensure_user(USER) if USER else None
    text = addresses.netrc(["x @ https://${T}@127.0.0.1/x"], {"T": "t0ken"})
    files.write(home / ".netrc", text, mode=0o600, owner=owner)
    users.home(home, owner)
    (work / "requirements.txt").write_text(line.format(private) + "\n")
    installer = UvInstaller(egress=(private,))
    installer.make_virtualenv(target, interpreter=python, sandbox=sandbox, cache=cache)
    install = functools.partial(
        installer.install, Listing(work / "requirements.txt"), target, interpreter=python, sandbox=sandbox, cache=cache
    )
    with pytest.raises(DzError):
        install()
    said = []
    install(home=home, on_line=said.append)
    assert list(target.glob(f"lib/python*/site-packages/{line.split()[0]}.py"))
    assert "t0ken" not in "".join(said)


def test_a_package_comes_from_the_index_that_is_named_for_it_alone(build_server, sandbox, python, open_folder):
    target, cache = (users.owned(open_folder / name, USER) for name in ("env", "cache"))
    found = Requirements(lines=["six==1.17.0"], indexes=Indexes(pins={"six": "https://pypi.org/simple"}))
    # A mirror of the index may have a private address.
    installer = UvInstaller(index_url="http://127.0.0.1:9/", egress=("https://pypi.org",))
    installer.make_virtualenv(target, interpreter=python, sandbox=sandbox, cache=cache)
    installer.install(requirements.write(found, open_folder), target, interpreter=python, sandbox=sandbox, cache=cache)
    assert list(target.glob("lib/python*/site-packages/six-1.17.0.dist-info"))


def test_a_name_of_the_repository_is_asked_of_no_index(build_server, sandbox, python, open_folder):
    target, cache = (users.owned(open_folder / name, USER) for name in ("env", "cache"))
    installer = UvInstaller()
    installer.make_virtualenv(target, interpreter=python, sandbox=sandbox, cache=cache)
    listing = requirements.write(Requirements(lines=["python-dateutil==2.9.0.post0"], own=["six"]), open_folder)
    with pytest.raises(InvalidRequirement, match="needs six, which is the name of a folder of the repository"):
        installer.install(listing, target, interpreter=python, sandbox=sandbox, cache=cache)
    assert not list(target.glob("lib/python*/site-packages/*.dist-info"))


def test_a_lock_with_thousands_of_hashes_is_read_to_its_end(build_server, sandbox, python, open_folder):
    wheels = "".join(
        f'  {{ url = "https://example.org/a-1.0-{number}-py3-none-any.whl", hash = "sha256:{number:064x}" }},\n'
        for number in range(4000)
    )
    lock = f"""version = 1
requires-python = ">=3.9"

[[package]]
name = "a"
version = "1.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [
{wheels}]

[[package]]
name = "site"
version = "0"
source = {{ virtual = "." }}
dependencies = [{{ name = "a" }}, {{ name = "zz" }}]

[package.metadata]
requires-dist = [{{ name = "a" }}, {{ name = "zz" }}]

[[package]]
name = "zz"
version = "2.0"
source = {{ registry = "https://example.org/simple" }}
wheels = [{{ url = "https://example.org/zz-2.0-py3-none-any.whl", hash = "sha256:{1:064x}" }}]
"""
    project = '[project]\nname = "site"\nversion = "0"\nrequires-python = ">=3.9"\ndependencies = ["a", "zz"]\n'
    checkout = make_project(open_folder / "src", **{"uv.lock": lock, "pyproject.toml": project})
    cache = users.owned(open_folder / "cache", USER)
    text = UvInstaller().export_lock(
        checkout.path, root=checkout.path, interpreter=python, sandbox=sandbox, cache=cache
    )
    assert len(text) > 250_000
    assert "zz==2.0" in text
    assert not list(cache.glob("export-*"))
