"""What a deploy could lose: data that a project keeps beside its code."""

import ast
import re

from dz.tasklib.detection.model import Risk
from dz.tasklib.detection.paths import beginning
from dz.tasklib.detection.reader import Reading
from dz.tasklib.detection.reader.values import UNKNOWN, UrlDatabase
from dz.tasklib.detection.roots import Root
from dz.tasklib.detection.syntax import source
from dz.tasklib.detection.tree import Tree

_UPLOAD = re.compile(r"(?m)^\s*(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)*(\w*(?:File|Image)Field)\(")
_NOT_MODELS = re.compile(
    r"(^|/)(tests?|docs?|migrations|examples?|node_modules)(/|_)|(^|/)(forms?|serializers?|filters?|tests?\w*)\.py$"
)
_DATA = re.compile(r"\.(sqlite3?|db3?|sqlitedb)$", re.IGNORECASE)
_MODULES = 400
"""Modules that are searched for fields of uploads."""

_ONE_SERVER = (
    "Uploads are kept in a folder of the project on its appserver, which every version uses and which no deploy clears. "
    "It is on that one server only: with several appservers, or to have a copy elsewhere, set a storage such as "
    "django-storages with an S3 bucket."
)


def find(tree: Tree, root: Root, reading: Reading) -> tuple[Risk, ...]:
    """Return what a deploy could lose, each with the choice that loses nothing."""
    settings = Settings(reading)
    found = [
        *_uploads(tree, root, settings),
        *_sqlite(tree, root, settings),
        *_sessions(settings),
        *_written(tree, settings),
    ]
    return tuple(dict.fromkeys(found))


class Settings:
    """Values of the production settings, and where each was set."""

    def __init__(self, reading: Reading) -> None:
        self.values = reading.values
        self.files = reading.files
        self._bases = reading.found.bases

    def basis(self, name: str) -> str:
        """Return the `file:line` that sets a name."""
        path = next(iter(self.files), "settings.py")
        return self._bases.get(name) or f"{path}:1"

    def text(self, name: str) -> str:
        """Return a setting if it is a text, else ""."""
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def backend(self, name: str, alias: str) -> str:
        """Return the BACKEND of one entry of a setting such as CACHES; "" if it is not known."""
        entries = self.values.get(name)
        entry = entries.get(alias) if isinstance(entries, dict) else None
        value = entry.get("BACKEND") if isinstance(entry, dict) else None
        return value if isinstance(value, str) else ""

    def is_known(self, name: str) -> bool:
        """Say whether a setting is absent or has a known value."""
        return self.values.get(name) is not UNKNOWN


def _uploads(tree: Tree, root: Root, settings: Settings) -> list[Risk]:
    storage = settings.backend("STORAGES", "default") or settings.text("DEFAULT_FILE_STORAGE")
    unknown = not (settings.is_known("STORAGES") and settings.is_known("DEFAULT_FILE_STORAGE"))
    if storage and "FileSystemStorage" not in storage:
        return []
    field = _upload_field(tree, root)
    apps = repr(settings.values.get("INSTALLED_APPS"))
    library = next(
        (app for app in ("wagtail.images", "wagtail.documents", "filer", "easy_thumbnails") if app in apps), None
    )
    if not field and not library:
        return []
    named, basis = field or (library or "", settings.basis("INSTALLED_APPS"))
    keeps = (
        " keeps uploads in the local file system"
        if not unknown
        else " keeps uploads where the settings of production say"
    )
    return [Risk("local_uploads", named + keeps, basis, _ONE_SERVER, safe=not unknown)]


def _upload_field(tree: Tree, root: Root) -> tuple[str, str] | None:
    inside = beginning(root.folder)
    modules = [p for p in tree.files if p.startswith(inside) and p.endswith(".py") and not _NOT_MODELS.search(p)]
    modules.sort(key=lambda path: "models" not in path)
    for path in modules[:_MODULES]:
        text = tree.text(path) or ""
        if "models" not in text or "Field(" not in text:
            continue
        for match in _UPLOAD.finditer(text):
            before = text[: match.start()].rfind("\nclass ")
            heading = text[before + 1 : text.find("\n", before + 1)] if before >= 0 else text.partition("\n")[0]
            if not re.search(r"Form|Serializer|Filter|Test", heading) and match[2] != "FilePathField":
                return f"the field {match[1]} ({match[2]})", f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}"
    return None


def _sqlite(tree: Tree, root: Root, settings: Settings) -> list[Risk]:
    databases = settings.values.get("DATABASES")
    entries = databases.items() if isinstance(databases, dict) else []
    found = []
    for alias, entry in entries:
        default = entry.default if isinstance(entry, UrlDatabase) else None
        engine = entry.get("ENGINE") if isinstance(entry, dict) else default
        if isinstance(engine, str) and ("sqlite" in engine or "spatialite" in engine):
            found.append(_sqlite_risk(tree, str(alias), settings.basis("DATABASES")))
    inside = beginning(root.folder)
    for path in (p for p in tree.files if _DATA.search(p) and p.startswith(inside)):
        if found and not re.search(r"(^|/)(tests?|fixtures|docs?)/", path):
            found.append(
                Risk(
                    "sqlite_data",
                    f"{path} holds a database that was committed with the code",
                    f"{path}:1",
                    "A site begins with an empty PostgreSQL database. Say yes to copy_data (`--with-data`, or `--yes` of a "
                    "launch), and its rows are copied and counted when the site is deployed first, accounts included; "
                    "on a no (`--without-data`) they are not taken over.",
                    safe=False,
                )
            )
            break
    return found


def _sqlite_risk(tree: Tree, alias: str, basis: str) -> Risk:
    if alias == "default":
        choice = (
            "DjangoZoom gives the site a PostgreSQL database in its place, which deploys keep. "
            "Data that lies in a SQLite file today is not taken over."
        )
        return Risk("sqlite", "the default database is a SQLite file", basis, choice, safe=True)
    choice = (
        f"Only the default database becomes PostgreSQL. The file of {alias!r} lies in the code, which each deploy replaces: "
        "point it to the same database or to a server of its own."
    )
    return Risk("sqlite", f"the database {alias!r} is a SQLite file", basis, choice, safe=False)


def _sessions(settings: Settings) -> list[Risk]:
    engine = settings.text("SESSION_ENGINE")
    basis = settings.basis("SESSION_ENGINE")
    if engine.endswith("sessions.backends.file"):
        choice = (
            "Session files are written on one appserver, into its temporary folder unless SESSION_FILE_PATH says otherwise: "
            "people are logged out when the site moves. Use django.contrib.sessions.backends.db, Django's default."
        )
        return [Risk("file_sessions", "sessions are files", basis, choice, safe=False)]
    if not engine.endswith("sessions.backends.cache"):
        return []
    cache = settings.backend("CACHES", settings.text("SESSION_CACHE_ALIAS") or "default")
    if cache.endswith("FileBasedCache"):
        choice = (
            "Sessions in a cache of files are lost when that folder is. Use django.contrib.sessions.backends.cached_db."
        )
        return [Risk("file_cache", "sessions are in a cache of files", basis, choice, safe=False)]
    if cache.endswith(("LocMemCache", "DummyCache")) or (not cache and "CACHES" not in settings.values):
        choice = (
            "Each worker process has a memory of its own, so people are logged out at random, and at each deploy. "
            "Use django.contrib.sessions.backends.cached_db, or a Redis cache."
        )
        return [Risk("memory_sessions", "sessions are in the memory of one process", basis, choice, safe=False)]
    return []


def _written(tree: Tree, settings: Settings) -> list[Risk]:
    """Find what the settings arrange to write below the code: mail, search indexes, folders that they make."""
    found = []
    mail = settings.text("EMAIL_BACKEND")
    if mail.endswith("filebased.EmailBackend"):
        choice = "Mail is written into files instead of being sent. Set EMAIL_BACKEND to django.core.mail.backends.smtp.EmailBackend."
        found.append(Risk("written_files", "mail goes into files", settings.basis("EMAIL_BACKEND"), choice, safe=False))
    engines = settings.values.get("HAYSTACK_CONNECTIONS")
    if "WhooshEngine" in repr(engines):
        choice = "The search index lies in the code, which each deploy replaces: run `manage.py rebuild_index` as a release hook."
        found.append(
            Risk(
                "written_files",
                "the search index is a folder",
                settings.basis("HAYSTACK_CONNECTIONS"),
                choice,
                safe=False,
            )
        )
    for path in settings.files[:20]:
        for line in _folders_made(tree.module(path)):
            choice = "The code is not the site's to write, and each deploy replaces it. Write below MEDIA_ROOT, which is kept."
            found.append(Risk("written_files", "the settings make a folder", f"{path}:{line}", choice, safe=False))
    return found[:5]


def _folders_made(module: ast.Module | None) -> list[int]:
    calls = [node for node in ast.walk(module or ast.Module([], [])) if isinstance(node, ast.Call)]
    named = [n for n in calls if isinstance(n.func, ast.Attribute) and n.func.attr in ("makedirs", "mkdir")]
    return [node.lineno for node in named if "log" not in source(node).lower()]
