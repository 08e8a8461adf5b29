"""Tiny projects that the tests of detection write and read."""

from pathlib import Path

from dz.tasklib.detection import Inspection, inspect
from dz.tasklib.detection.modules import Modules
from dz.tasklib.detection.tree import Tree

PROJECTS = Path(__file__).parents[3] / "projects"
MANAGE = (
    "import os\nfrom django.core.management import execute_from_command_line\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site1.settings')\n"
)
SETTINGS = "INSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\nSECRET_KEY = 'x'\n"
ENTRY = (
    "import os\nfrom django.core.{0} import get_{0}_application\n"
    "os.environ.setdefault('DJANGO_SETTINGS_MODULE', '{1}')\napplication = get_{0}_application()\n"
)


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files below a folder, which is returned."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", errors="surrogatepass")
    return root


def tree(root: Path, files: dict[str, str]) -> Tree:
    """Return the tree of some files and nothing else."""
    return Tree(write(root, files))


def modules(root: Path, files: dict[str, str]) -> Modules:
    """Return the modules of some files, importable from the root."""
    return Modules(tree(root, files), [""])


def project(root: Path, files: dict[str, str]) -> Inspection:
    """Inspect a project with one settings module and some files more, which may replace its own."""
    return inspect(write(root, {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": SETTINGS, **files}))


def read(root: Path, body: str, **others: str) -> Inspection:
    """Inspect a project whose settings end with `body`; the others are modules beside them."""
    head = "\nINSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\n"
    beside = {f"site1/{name}.py": text for name, text in others.items()}
    return inspect(
        write(root, {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": head + body, **beside})
    )


def with_settings(root: Path, settings: str) -> Path:
    """Write a project whose settings are a text, and return its folder."""
    return write(root, {"manage.py": MANAGE, "site1/__init__.py": "", "site1/settings.py": settings})
