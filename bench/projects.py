"""Generates Django projects of three sizes, the same bytes each time, and new versions of them."""

import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from dz.adapters import processes
from dz.errors import CommandFailed
from infra.local.programs import search_path

HERE = Path(__file__).parent
SIZES = ("tiny", "middle", "large")
"""3, 26 and 90 direct dependencies; `pins/` says which."""
TOGGLED = ("sqlparse", "0.6.1", "0.5.3")
"""The dependency whose version changes in the case `one_dependency`; Django allows both."""
BOOKS = 3
"""How many books the project's migrations put into its database."""
_MIDDLE = ("rest_framework", "django_filters", "corsheaders", "drf_spectacular", "django_extensions")
_LARGE = (
    *("import_export", "guardian", "simple_history", "crispy_forms", "crispy_bootstrap5", "django_celery_beat"),
    *("django_celery_results", "waffle", "django_htmx", "widget_tweaks", "wagtail.contrib.forms", "wagtail.embeds"),
    *("wagtail.contrib.redirects", "wagtail.sites", "wagtail.users", "wagtail.snippets", "wagtail.documents"),
    *("wagtail.images", "wagtail.search", "wagtail.admin", "wagtail", "modelcluster", "taggit"),
)
_APPS = {"tiny": (), "middle": _MIDDLE, "large": (*_MIDDLE, *_LARGE)}
_IMPORTS = {
    "tiny": "",
    "middle": "import celery, redis, requests, sentry_sdk, structlog",
    "large": "import celery, redis, requests, sentry_sdk, structlog, numpy, pandas",
}
"""What the views of the project import: a site uses what it lists."""
_WHO = {f"GIT_{role}_{key}": "bench" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
_WHEN = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}


@dataclass
class Project:
    """A generated project with a bare repository from which it is deployed.

    Args:
        size: one of SIZES.
        work: its work tree.
        bare: where commits are pushed.
    """

    size: str
    work: Path
    bare: Path
    number: int = 0

    @property
    def version(self) -> str:
        """What the newest commit answers under /version."""
        return f"{self.size}-{self.number}"

    def create(self) -> None:
        """Write the files and the first commit."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.bare, ignore_errors=True)
        write_files(self.size, self.work)
        git(["init", "--quiet", "--bare", "--initial-branch=main", str(self.bare)], self.bare.parent)
        (self.bare / "git-daemon-export-ok").touch()
        git(["init", "--quiet", "--initial-branch=main", "."], self.work)
        self.commit()

    def commit(self) -> str:
        """Make and push a commit that changes the version only; return the version."""
        self.number += 1
        (self.work / "library" / "version.py").write_text(f'VERSION = "{self.version}"\n')
        git(["add", "--all"], self.work)
        git(["commit", "--quiet", "--message", self.version], self.work)
        git(["push", "--quiet", "--force", str(self.bare), "main"], self.work)
        return self.version

    def change_dependency(self) -> str:
        """Make and push a commit that changes the version of one dependency, too; return the version."""
        name, new, old = TOGGLED
        path = self.work / "requirements.txt"
        text = path.read_text()
        other = old if f"{name}=={new}\n" in text else new
        path.write_text(re.sub(rf"^{name}==.*$", f"{name}=={other}", text, flags=re.MULTILINE))
        return self.commit()


def write_files(size: str, folder: Path) -> None:
    """Write the files of a project, but for the version; the same bytes each time."""
    shutil.copytree(HERE / "template", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(HERE / "pins" / f"{size}.txt", folder / "requirements.txt")
    (folder / ".gitignore").write_text("__pycache__/\n.venv/\nstaticfiles/\n")
    (folder / "library" / "extra.py").write_text(_extra(size))
    _write_static(folder / "books" / "static" / "books")


def _extra(size: str) -> str:
    """Return the module that differs between sizes; its URLs are a function, because settings cannot import views."""
    middle = size != "tiny"
    middleware = ["corsheaders.middleware.CorsMiddleware"] if middle else []
    lines = [f"APPS = {list(_APPS[size])!r}", f"MIDDLEWARE_EXTRA = {middleware!r}", ""]
    lines += ["", "def urls():", *([f"    {_IMPORTS[size]}"] if middle else [])]
    if middle:
        lines += ["    from django.urls import path", "    from drf_spectacular.views import SpectacularAPIView", ""]
    urls = 'path("api/schema", SpectacularAPIView.as_view())' if middle else ""
    return "\n".join([*lines, f"    return [{urls}]", ""])


def _write_static(folder: Path) -> None:
    dice = random.Random(5)
    folder.mkdir(parents=True)
    rules = (f".r{n} {{ margin: {dice.randrange(99)}px; color: #{dice.randrange(4096):03x}; }}\n" for n in range(1500))
    (folder / "site.css").write_text("".join(rules))
    for number in range(20):
        dots = "".join(f'<circle cx="{dice.randrange(99)}" cy="{dice.randrange(99)}" r="2"/>' for _ in range(100))
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 99">{dots}</svg>\n'
        (folder / f"picture{number}.svg").write_text(svg)


def git(arguments: list[str], cwd: Path) -> None:
    """Run git with a fixed author and a fixed date, so that the same files make the same commits."""
    environment = {"PATH": search_path(), "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = processes.run(["git", *arguments], cwd=cwd, env=environment | _WHO | _WHEN, timeout=60)
    if not done.ok:
        raise CommandFailed(f"git {arguments[0]} failed: {done.tail(3)}", "Check that git works on this machine.")
