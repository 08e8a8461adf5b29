"""Takes a build from its plan to the manifest of its bundle."""

import datetime as dt
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from dz.adapters import trees
from dz.adapters.archive import Layer
from dz.errors import MissingEnvironment
from dz.tasklib import projects
from dz.tasklib.bundles import bundles, packing
from dz.tasklib.bundles.manifest import Manifest
from dz.tasklib.checkouts import checkouts
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import needs, resolution, zoombuild
from dz.tasklib.configuration.bounds import Bounds, bounded
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.detection import Inspection
from dz.tasklib.verification import shim, verification
from dz.tasklib.verification.verification import Verification
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv, platform_name
from dz.zoomdb import Zoomdb


def plan(
    inspection: Inspection,
    checkout: Checkout,
    *,
    attached: str | None,
    stored: str | None,
    variables: Collection[str],
    bounds: Bounds | None = None,
) -> Plan:
    """Return the plan of a build.

    Args:
        attached: text of the `zoombuild.cfg` that came with the job.
        stored: text of the one that the project's owner verified earlier.
        variables: names of the environment variables that the owner has set.
        bounds: how much of a server the project may ask for.

    Raises:
        InvalidConfig: one of the three possible `zoombuild.cfg` is wrong, or asks for too much.
        NotDjango, AmbiguousProject: see `resolution.resolve`.
        UnsupportedDatabase, MissingLibrary: see `needs.unmet`.
    """
    resolved = resolution.of_checkout(
        inspection, checkout.path, source_url=checkout.url, attached=attached, stored=stored
    )
    keys = resolution.chosen_keys(checkout.path, attached=attached, stored=stored)
    if error := needs.unmet(inspection, chosen=keys, variables=variables):
        raise error
    return bounded(resolved, bounds or Bounds(), chosen=keys)


def refuse_missing(plan: Plan, variables: Collection[str]) -> None:
    """Raise MissingEnvironment if a variable that the settings need is not set.

    Args:
        variables: names of the environment variables that the owner has set.
    """
    given = {*variables, *verification.placeholder_variables(plan)}
    missing = [name for name in plan.required_variables if name not in given]
    if missing:
        raise MissingEnvironment(
            f"The settings {plan.django_settings_module} need environment variables that are not set: "
            f"{', '.join(missing)}.",
            f"Set them: dz deploy PROJECT {' '.join(f'--set {name}=VALUE' for name in missing)}",
        )


def build_key(plan: Plan, checkout: Checkout, virtualenv: Virtualenv) -> str:
    """Return a digest of what goes into a bundle: given equal variables, equal keys mean equal bundles."""
    parts = [checkout.commit, json.dumps(plan.to_json(), sort_keys=True), virtualenv.key, shim.digest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def archive(
    plan: Plan,
    checkout: Checkout,
    virtualenv: Virtualenv,
    verified: Verification,
    *,
    work: Path,
    layers_folder: Path,
) -> Manifest:
    """Pack a verified build into layers and return the manifest that names them."""
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work, prefix="code-") as folder:
        code = Path(folder) / "code"
        # The files of a checkout never change, so hard links will do; symlinks are not followed.
        shutil.copytree(checkout.path, code / "src", symlinks=True, copy_function=_link)
        for name, content in verified.catalogs.items():
            shim.write_file(code / "src" / name, content)
        verification.write_shim(virtualenv.completed(plan), code / "dz", verified)
        (code / "dz" / zoombuild.FILE).write_text(zoombuild.render(plan))
        layers = packing.pack_layers(
            virtualenv=virtualenv.path,
            virtualenv_key=virtualenv.key,
            code=code,
            static=verified.static_dir,
            layers_folder=layers_folder,
        )
    return _manifest(plan, checkout, virtualenv, verified, layers)


def record(zoomdb: Zoomdb, project_id: int, plan: Plan, checkout: Checkout, manifest: Manifest) -> int:
    """Store the outcome of a build: its bundle, and the project's title and source; return the bundle's id."""
    projects.set_title(zoomdb, project_id, plan.title)
    projects.set_source(zoomdb, project_id, url=checkout.url, ref=checkout.ref)
    return bundles.record(zoomdb, project_id, manifest, message=checkout.message, config=zoombuild.render(plan))


def clean_up(work: Path, checkout: Checkout, *, checkouts_folder: Path) -> None:
    """Remove leftovers of this project's builds and all checkouts but this one; no other build of it may be running."""
    for left in (*work.glob("verify-*"), *work.glob("code-*")):
        trees.discard_tree(left)
    checkouts.prune(checkouts_folder, checkout.sysid, {checkout.commit})


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


def _manifest(
    plan: Plan, checkout: Checkout, virtualenv: Virtualenv, verified: Verification, layers: tuple[Layer, ...]
) -> Manifest:
    return Manifest(
        sysid=checkout.sysid,
        name=bundles.bundle_name(checkout.sysid, dt.datetime.now(dt.UTC)),
        commit=checkout.commit,
        layers=layers,
        plan=plan,
        python=virtualenv.python.minor,
        python_full=virtualenv.python.full,
        python_build=virtualenv.python.build,
        python_source=virtualenv.python.source,
        platform=platform_name(),
        virtualenv_key=virtualenv.key,
        django=verified.django_version,
        database_type=verified.database_type,
        static_url=verified.static_url,
        media_url=verified.media_url,
        static_map=verified.static_map,
        paths=tuple(verification.search_path(virtualenv.completed(plan))),
        schema=verified.schema,
        migrations=verified.history,
        static_root=verified.static_root,
        data_file=verified.data.file if verified.data else "",
        known_paths=verified.known_paths,
        written=verified.written,
        loads_once=verified.loads_alike and plan.preload and not plan.use_asgi and list(plan.hooks) == ["migrate"],
        build_key=build_key(plan, checkout, virtualenv),
    )
