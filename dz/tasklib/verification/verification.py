"""Proves that a built project loads: settings, checks, application and static files, in one process of its own."""

import functools
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dz.adapters import trees
from dz.adapters.sandbox import Sandbox
from dz.errors import VerificationFailed
from dz.tasklib.checkouts import absent
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.databases import Credentials
from dz.tasklib.variables import platform
from dz.tasklib.verification import catalogs, dry_run, migrations, outgrown, reports, shim
from dz.tasklib.verification.migrations import History
from dz.tasklib.verification.reports import StoredRows
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv

_MANIFESTS = ("staticfiles.json", "manifest.json", "CACHE/manifest.json")
"""Manifests of static files: Django's, those of JavaScript bundlers, and django-compressor's."""
_MANIFEST_BYTES = 64_000_000


@dataclass(frozen=True)
class Verification:
    """What is known about a project that loads.

    Args:
        static_dir: the static layer's root: `static/` and `map/N/`.
        static_url: URL path of the collected files.
        media_url: URL path of uploaded files; None if they are kept elsewhere.
        static_map: URL path and folder below static_dir, longest first.
        manifests: lists of hashed file names, which the application reads at run time: their content by their paths
            below the collected files.
        catalogs: the translations that were compiled, by their paths in the checkout.
        shim_variables: variables that make the shim decide at run time as it did here.
        migrations: labels of the applications that have migrations.
        database_type: what the project's database must be.
        schema: a digest of the names of all migrations; empty if unknown.
        history: for each migration what it takes from older code; None if unknown.
        static_root: the project's own STATIC_ROOT, if that lies below its source: the path to there.
        data: a database that was committed with the code, if it holds rows.
        known_paths: URL paths by which a site without a front page can be seen to live.
        written: paths below its source that the project writes itself; a slash at the end: a folder that is missing.
        loads_alike: loading the project depends neither on the database nor on the command that it is loaded for, and
            starts no thread; so a project that was loaded before its migrations ran is still right after them.
    """

    static_dir: Path
    static_url: str
    media_url: str | None
    static_map: tuple[tuple[str, str], ...]
    django_version: str
    warnings: tuple[str, ...]
    manifests: Mapping[str, bytes] = field(default_factory=dict)
    catalogs: Mapping[str, bytes] = field(default_factory=dict)
    shim_variables: Mapping[str, str] = field(default_factory=dict)
    migrations: tuple[str, ...] = ()
    database_type: str = "postgresql"
    schema: str = ""
    history: History | None = None
    static_root: str = ""
    data: StoredRows | None = None
    known_paths: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    loads_alike: bool = False


def placeholder_variables(plan: Plan) -> dict[str, str]:
    """Return the usual variables for build time, with values that let the settings load but lead to no real service."""
    secret = "build-" + "0" * 50
    nowhere = Credentials("nowhere", "nobody", "nothing", "127.0.0.1", 1, "")
    named = platform.platform_variables(
        plan.platform_variables,
        credentials=nowhere,
        database_type=plan.database_type,
        secret=secret,
        hosts=["127.0.0.1"],
        origins=["http://127.0.0.1"],
        media_root="/tmp/media",  # noqa: S108 - a name only: nothing is written there
    )
    return {
        "CONFIG_PG_DBNAME": "nowhere", "CONFIG_PG_USER": "nobody", "CONFIG_PG_PASSWORD": "nothing",
        "CONFIG_PG_HOST": "127.0.0.1", "CONFIG_PG_PORT": "1", "DATABASE_URL": nowhere.url,
        "SECRET_KEY": secret, "DJANGO_SECRET_KEY": secret, "DEBUG": "False", "DJANGO_DEBUG": "False",
        "ALLOWED_HOSTS": "127.0.0.1", "DJANGO_ALLOWED_HOSTS": "127.0.0.1", "DZ_ALLOWED_HOSTS": "127.0.0.1",
        "DZ_CSRF_TRUSTED_ORIGINS": "", **named, **dict(plan.build_variables),
    }  # fmt: skip


def site_variables(hosts: Sequence[str], *, tls: bool) -> dict[str, str]:
    """Return the variables by which the shim can tell which of a project's settings fit its site.

    Args:
        hosts: the host names of the site.
        tls: visitors come by https.
    """
    return {"DZ_SITE_HOSTS": ",".join(hosts), "DZ_TLS": "1" if tls else ""}


def search_path(plan: Plan) -> list[str]:
    """Return the folders of a bundle's code layer where the project's modules are found (the manifest's `paths`)."""
    folders = (plan.project_root, *plan.additional_python_path_dirs)
    return ["dz", *dict.fromkeys(os.path.normpath(f"src/{folder}") for folder in folders)]


def write_shim(plan: Plan, target: Path, verified: Verification | None = None) -> None:
    """Write the files that every bundle carries in `dz/` into the folder `target`; idempotent."""
    shim.write(plan, target)
    if verified is None:
        return
    for name, content in verified.manifests.items():
        place = target / "static" / name
        place.parent.mkdir(exist_ok=True)
        shim.write_file(place, content)
    options = {"environment": dict(verified.shim_variables)}
    shim.write_file(target / "verified.json", json.dumps(options, indent=1, sort_keys=True).encode())


def verify(
    plan: Plan,
    checkout: Checkout,
    virtualenv: Virtualenv,
    *,
    work: Path,
    sandbox: Sandbox,
    variables: Mapping[str, str],
    timeout: float,
    hosts: Sequence[str] = (),
    tls: bool = False,
) -> Verification:
    """Load the project in its virtualenv and return what that shows.

    Args:
        work: a folder of ours that every user can enter; the collected files end up in a new folder below it.
        variables: the owner's variables.
        timeout: seconds until the process is stopped.
        hosts: the host names of the site; settings that do not fit them are a warning.
        tls: visitors come by https.

    Raises:
        VerificationFailed, MissingEnvironment, UnsupportedDatabase, StaticFilesFailed: the project does not load.
    """
    work.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="verify-", dir=work))
    place.chmod(0o755)
    try:
        return _verify(
            plan,
            checkout,
            virtualenv,
            place=place,
            sandbox=sandbox,
            variables=variables,
            timeout=timeout,
            site=site_variables(hosts, tls=tls),
        )
    except BaseException:
        trees.discard_tree(place)
        raise


def _verify(
    plan: Plan,
    checkout: Checkout,
    virtualenv: Virtualenv,
    *,
    place: Path,
    sandbox: Sandbox,
    variables: Mapping[str, str],
    timeout: float,
    site: Mapping[str, str],
) -> Verification:
    """Verify in the folder `place`; if the project's static files storage fails, try again with Django's plain one."""
    given = {**placeholder_variables(plan), **variables, **site}
    last = migrations.LastAnswer.read(place.parent, virtualenv.key)
    options = {
        "collectstatic": plan.collectstatic,
        "site_media_map": plan.site_media_map,
        "migrates": migrations.are_run(plan.hooks),
        "models": last.models,
    }
    attempt: dict[str, str] = {}
    run = functools.partial(
        dry_run.run,
        plan,
        checkout,
        virtualenv,
        sandbox=sandbox,
        timeout=timeout,
        options=options,
        secret=tuple(variables.values()),
    )
    done, report = run(place=place / "1", given=given)
    out, warnings = place / "1" / "out", []
    if _storage_refused(report):
        attempt = {"DZ_PLAIN_STATIC_STORAGE": "1"}
        message = str(report["error"].get("message", ""))[:300]
        warnings = [f"The project's static files storage failed ({message}); Django's plain storage was used."]
        done, report = run(place=place / "2", given={**given, **attempt})
        out = place / "2" / "out"
    unset = [name for name in plan.required_variables if name not in given]
    try:
        with absent.named_as_cause(checkout):
            reports.judge(report, done, unset=unset)
    except VerificationFailed as error:
        error.outgrown = outgrown.package(report, plan, checkout.path, virtualenv)
        raise migrations.explained(error, checkout.path) from None
    migrations.refuse(report, plan.hooks, checkout.path)
    last = last.replaced(report)
    last.write(place.parent)
    warnings += migrations.warnings(report, last.unmade, plan.hooks, checkout.path)
    verified = _verification(plan, report, out, attempt, warnings)
    return replace(verified, catalogs=catalogs.compiled(out, checkout.path), history=last.history)


def _storage_refused(report: dict[str, Any]) -> bool:
    error = report.get("error")
    return isinstance(error, dict) and error.get("stage") == "static"


def _verification(
    plan: Plan, report: dict[str, Any], out: Path, attempt: dict[str, str], warnings: list[str]
) -> Verification:
    static_url = reports.url_path(report.get("static_url")) or "/static/"
    layer = out.parent / "layer"
    layer.mkdir()
    mapped = [(url, f"map/{number}") for number, (url, _) in enumerate(plan.site_media_map)]
    if report.get("collected") is True and _taken(out / "static", layer / "static"):
        mapped.append((static_url, "static"))
    _taken(out / "map", layer / "map")
    # If loading the URLs starts a thread, each worker loads them itself: a thread does not survive the fork.
    early = {"DZ_URLS_EARLY": "1"} if report.get("urls_start_no_thread") is True else {}
    written = tuple(dict.fromkeys([*report["written"], *reports.own_paths(report.get("written_later"))]))
    listed = {name: trees.read(layer, f"static/{name}", limit=_MANIFEST_BYTES) for name in _MANIFESTS}
    return Verification(
        static_dir=layer,
        static_url=static_url,
        media_url=reports.url_path(report.get("media_url")),
        static_map=tuple(sorted(mapped, key=lambda entry: -len(entry[0]))),
        django_version=reports.word(report.get("django_version")),
        warnings=(*warnings, *reports.warnings(report), *reports.written_warnings(written)),
        manifests={name: content for name, content in listed.items() if content is not None},
        shim_variables={**attempt, **early, "DZ_STATIC_URL": static_url},
        migrations=reports.words(report.get("migrations")),
        database_type="postgresql-gis" if "gis" in reports.word(report.get("used_engine")) else "postgresql",
        schema=reports.word(report.get("schema")),
        static_root="".join(reports.own_paths([report.get("static_root")])),
        data=reports.data(report.get("data")),
        known_paths=reports.page_paths(report.get("known_paths")),
        written=written,
        loads_alike=report.get("loads_alike") is True,
    )


def _taken(made: Path, target: Path) -> bool:
    """Move a folder that the project made into one of ours and take it over; False if it made none.

    Raises:
        BundleRefused: see `trees.take_over`.
    """
    try:
        made.rename(target)
    except FileNotFoundError:
        return False
    if target.is_symlink() or not target.is_dir():  # in a folder of ours, where nothing changes its kind any more
        trees.discard_tree(target)
        return False
    trees.take_over(target)
    return True
