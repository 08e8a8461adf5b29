"""uv, as the installer that builds use."""

from dz.adapters import users
from dz.adapters.installer import UvInstaller
from tests.integration.django_projects import USER, make_project


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
    text = UvInstaller().export_lock(checkout.path, interpreter=python, sandbox=sandbox, cache=cache)
    assert len(text) > 250_000
    assert "zz==2.0" in text
    assert not list(cache.glob("export-*"))
