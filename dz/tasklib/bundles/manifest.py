"""The manifest of a bundle: what it holds, what it was made of, and how it runs.

It is kept as JSON in zoomdb, and beside the layers in the bundle store. Bundles from earlier releases of DjangoZoom
lack some of the keys, which then take the defaults below.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from dz.adapters.archive import Kind, Layer
from dz.adapters.interpreters import Download
from dz.errors import BundleRefused
from dz.tasklib.configuration.plan import Plan

FORMAT = 1
_BEFORE = {"preload": False, "worker_class": "sync", "threads": 1}
"""How a bundle runs whose plan does not say: as it did when it was built."""
SHIM_MODULE = "dz_settings"
"""The settings module of every bundle, which imports the project's own."""


@dataclass(frozen=True)
class Manifest:
    """Everything that another server must know about a bundle.

    Args:
        sysid: the project's.
        name: the bundle's, unique within its project.
        python: the minor version of the virtualenv's Python, such as 3.12.
        python_full: that Python's full version.
        python_build: what that Python says of its build; "" if unknown.
        python_source: what it was fetched from; None: it is the build server's own.
        platform: see `virtualenvs.platform_name`.
        virtualenv_key: identifies the content of the virtualenv.
        django: the version of Django that the project loads with.
        database_type: what the project's database must be.
        static_url: the URL path of the collected files.
        media_url: the URL path of uploaded files; None if they are kept elsewhere.
        static_map: pairs of URL path and folder below the static layer, longest path first.
        paths: folders of the code layer in which the project's modules are found.
        schema: a digest of the names of all migrations; empty if unknown.
        migrations: for each migration pairs of a kind of harm and what it does to older code, see `shim/dz_history.py`; None
            if unknown.
        static_root: the project's own STATIC_ROOT, as a path below its source; empty if it lies elsewhere.
        data_file: a SQLite database that was committed with the code and holds rows, as a path below the source.
        known_paths: URL paths by which a site without a front page can be seen to live.
        written: paths below its source that the project writes itself; where there are any, it runs in a copy of its code
            in which it may; a slash at the end: a folder that is missing.
        loads_once: release hooks run in the app instance, which has the project loaded, instead of loading it again.
        build_key: given equal variables, equal keys mean equal bundles; empty if unknown.
    """

    sysid: str
    name: str
    commit: str
    layers: tuple[Layer, ...]
    plan: Plan
    python: str
    python_full: str
    platform: str
    virtualenv_key: str
    django: str
    database_type: str
    static_url: str
    media_url: str | None
    static_map: tuple[tuple[str, str], ...] = ()
    paths: tuple[str, ...] = ()
    schema: str = ""
    migrations: Mapping[str, Sequence[tuple[str, str]]] | None = None
    static_root: str = ""
    data_file: str = ""
    known_paths: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    loads_once: bool = False
    build_key: str = ""
    python_build: str = ""
    python_source: Download | None = None

    def layer(self, kind: Kind) -> Layer | None:
        """Return the layer of a kind, if the bundle has one."""
        return next((layer for layer in self.layers if layer.kind == kind), None)

    def required(self, kind: Kind) -> Layer:
        """Return the layer of a kind without which nothing runs, or raise BundleRefused."""
        found = self.layer(kind)
        if found is None:
            raise BundleRefused(f"Bundle {self.name} lists no environment or no code.", "Build the version again.")
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the manifest as it is stored."""
        return {
            "format": FORMAT,
            "sysid": self.sysid,
            "name": self.name,
            "commit": self.commit,
            "python": self.python,
            "python_full": self.python_full,
            "python_implementation": "cpython",
            "python_build": self.python_build,
            "python_source": self.python_source and asdict(self.python_source),
            "platform": self.platform,
            "layers": [layer.to_json() for layer in self.layers],
            "plan": self.plan.to_json(),
            "settings_module": SHIM_MODULE,
            "wsgi": self.plan.wsgi,
            "asgi": self.plan.asgi,
            "use_asgi": self.plan.use_asgi,
            "server": "gunicorn",
            "django": self.django,
            "database_type": self.database_type,
            "schema": self.schema,
            "migrations": None
            if self.migrations is None
            else {name: [list(harm) for harm in harms] for name, harms in self.migrations.items()},
            "static_root": self.static_root,
            "data_file": self.data_file,
            "known_paths": list(self.known_paths),
            "written": list(self.written),
            "loads_once": self.loads_once,
            "build_key": self.build_key,
            "static_url": self.static_url,
            "media_url": self.media_url,
            "static_map": [list(pair) for pair in self.static_map],
            "environment_key": self.virtualenv_key,
            "paths": list(self.paths),
            "project_root": self.plan.project_root,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return the manifest that `to_json` stored, perhaps in an earlier release of DjangoZoom."""
        plan = Plan.from_json({**_BEFORE, **data["plan"]})
        return cls(
            sysid=data["sysid"],
            name=data["name"],
            commit=data["commit"],
            layers=tuple(Layer.from_json(entry) for entry in data["layers"]),
            plan=plan,
            python=data["python"],
            python_full=data["python_full"],
            platform=data["platform"],
            virtualenv_key=data["environment_key"],
            django=data["django"],
            database_type=data.get("database_type", plan.database_type),
            static_url=data["static_url"],
            media_url=data["media_url"],
            static_map=tuple((url, folder) for url, folder in data.get("static_map", ())),
            paths=tuple(data.get("paths", ())),
            schema=data.get("schema", ""),
            migrations=_history(data.get("migrations")),
            static_root=data.get("static_root", ""),
            data_file=data.get("data_file", ""),
            known_paths=tuple(data.get("known_paths", ())),
            written=tuple(data.get("written", ())),
            loads_once=data.get("loads_once", False),
            build_key=data.get("build_key", ""),
            python_build=data.get("python_build", ""),
            python_source=Download.from_json(source) if (source := data.get("python_source")) else None,
        )


def _history(stored: dict[str, list[list[str]]] | None) -> dict[str, list[tuple[str, str]]] | None:
    return None if stored is None else {name: [(kind, what) for kind, what in harms] for name, harms in stored.items()}
