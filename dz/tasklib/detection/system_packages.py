"""Packages of the operating system that installing or running the project needs."""

import re
from collections.abc import Iterable

from dz.tasklib.detection import documents
from dz.tasklib.detection.paths import joined
from dz.tasklib.detection.tree import Tree

_NEEDS = {
    "psycopg2": "libpq-dev", "psycopg[c]": "libpq-dev", "mysqlclient": "default-libmysqlclient-dev", "mysql-python": "default-libmysqlclient-dev",
    "python-ldap": "libldap2-dev", "django-auth-ldap": "libldap2-dev", "weasyprint": "libpango-1.0-0", "django-weasyprint": "libpango-1.0-0",
    "pycairo": "libcairo2-dev", "python-magic": "libmagic1", "pyodbc": "unixodbc-dev", "mssql-django": "unixodbc-dev",
    "pdf2image": "poppler-utils", "pytesseract": "tesseract-ocr", "wand": "libmagickwand-dev", "ffmpeg-python": "ffmpeg", "pydub": "ffmpeg",
    "xmlsec": "libxmlsec1-dev", "python3-saml": "libxmlsec1-dev", "djangosaml2": "xmlsec1", "pysaml2": "xmlsec1", "pygraphviz": "libgraphviz-dev",
    "pycurl": "libcurl4-openssl-dev", "uwsgi": "gcc", "pillow-simd": "libjpeg-dev", "pyaudio": "portaudio19-dev", "cx-oracle": "libaio1",
    "pdfkit": "wkhtmltopdf", "django-wkhtmltopdf": "wkhtmltopdf", "gdal": "libgdal-dev", "pylibmc": "libmemcached-dev",
}  # fmt: skip
"""A distribution, and the package of Debian that its wheel does not bring along."""
_GIS = ("gdal-bin", "libgdal-dev", "libgeos-dev", "libproj-dev")
_INSTALL = re.compile(
    r"(?:apt-get|apt|aptitude)\s+(?:-\S+\s+)*install\b(?P<words>(?:[^\n;&|\\]|\\[ \t]*\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*)*)"
)
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]*[a-z0-9+]")
_TOOLS = re.compile(
    r"(curl|wget|vim|nano|less|sudo|apt|apt-utils|apt-transport-https|ca-certificates|gnupg2?|lsb-release|bash|htop|unzip|zip|procps"
    r"|software-properties-common|supervisor|nginx|postgresql(-\d+|-client)?|redis(-server)?|nodejs|npm|yarn|git|make|tzdata|locales"
    r"|netcat\S*|python\S*|pip|docker\S*|openssh\S*|cron|ssh|iputils\S*|net-tools|tree|telnet|dos2unix|build-essential|install|update|clean|mc|locate|firefox|xvfb|adduser|rsync|apache2\S*)"
)
_LIST_FILES = ("Aptfile", "apt.txt", "packages.txt", "apt-packages.txt", "system-requirements.txt", "requirements.apt")


def find(tree: Tree, root: str, files: Iterable[str], *, gis: bool) -> list[tuple[str, str]]:
    """Return (package of Debian, basis), each package once.

    Args:
        root: the project's folder.
        files: the dependency files that a deploy installs from.
        gis: GeoDjango is used.
    """
    found: dict[str, str] = {}
    for name, basis in [*_listed(tree, root), *_installed(tree, root), *_needed(tree, files)]:
        found.setdefault(name, basis)
    for name in _GIS if gis else ():
        found.setdefault(name, "GeoDjango:1")
    return list(found.items())


def _listed(tree: Tree, root: str) -> list[tuple[str, str]]:
    found = []
    for path in (joined(folder, name) for folder in dict.fromkeys([root, ""]) for name in _LIST_FILES):
        for number, line in enumerate((tree.text(path) or "").splitlines()[:500], 1):
            word = line.partition("#")[0].strip()
            if _PACKAGE.fullmatch(word):
                found.append((word, f"{path}:{number}"))
    return found


def _installed(tree: Tree, root: str) -> list[tuple[str, str]]:
    """Return what images install; if they install nothing, what CI and guides do."""
    found: list[tuple[str, str]] = []
    for paths in (_images(tree), [*documents.ci_files(tree), *_guides(tree)]):
        for path in paths if not found else ():
            text = (tree.text(path) or "")[:200_000]
            for match in _INSTALL.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found += [(word, f"{path}:{line}") for word in _packages(match["words"])]
    return found


def _packages(words: str) -> list[str]:
    """Return the packages of an install command, which ends with the first word that is not a package."""
    found = []
    for word in re.sub(r"#[^\n]*|\\", " ", words).split():
        name = word.partition("=")[0].strip("\"'`")
        if word.startswith(("-", "$", "<")):
            continue
        if not _PACKAGE.fullmatch(name) or name.endswith((".txt", ".py", ".sh")) or name in ("to", "and", "for", "the"):
            break
        found += [name] if not _TOOLS.fullmatch(name) else []
    return found


def _images(tree: Tree) -> list[str]:
    named = [path for path in tree.files if re.search(r"(^|/)(Dockerfile[\w.-]*|[\w-]+\.Dockerfile)$", path)]
    return [
        path for path in named if not re.search(r"(^|[/._-])(dev|test|front\w*|nginx|node|docs)", path, re.IGNORECASE)
    ]


def _guides(tree: Tree) -> list[str]:
    return [path for path in tree.files if re.fullmatch(r"(readme|install)[\w.-]*", path, re.IGNORECASE)][:3]


def _needed(tree: Tree, files: Iterable[str]) -> list[tuple[str, str]]:
    found = []
    for path in files:
        if path.endswith(".lock"):
            continue
        for number, line in enumerate((tree.text(path) or "")[:200_000].splitlines(), 1):
            match = re.match(r"\s*[\"']?([A-Za-z][\w.-]*)(\[[\w, -]+\])?", line.partition("#")[0])
            for name in (match[1] + (match[2] or ""), match[1]) if match else ():
                package = _NEEDS.get(name.lower().replace("_", "-"))
                if package:
                    found.append((package, f"{path}:{number}"))
    return found
