"""Plans and manifests for tests, whole, with what a test does not care about filled in."""

from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.configuration.plan import Plan

PLAN = Plan(
    title="Site",
    source_code_url="https://example.org/site",
    project_root=".",
    django_settings_module="mysite.settings",
    base_python_package="mysite",
    wsgi="mysite.wsgi:application",
    asgi=None,
    use_asgi=False,
    python_version=None,
    python_version_basis="",
    package_manager="pip",
    dependency_files=("requirements.txt",),
)
MANIFEST = Manifest(
    sysid="p00000001",
    name="one",
    commit="0" * 40,
    layers=(),
    plan=PLAN,
    python="3.11",
    python_full="3.11.2",
    platform="linux-x86_64",
    virtualenv_key="k" * 64,
    django="5.2.19",
    database_type="postgresql",
    static_url="/static/",
    media_url="/media/",
)
