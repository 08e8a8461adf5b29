"""Tasks about bundles."""

from dz import wiring
from dz.tasklib.bundles import build, bundles, packing
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.releases import releases
from dz.tasklib.verification.verification import Verification
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv
from tasks.policy import without_run
from tasks.roles import on_role
from tasks.standby import announce


@without_run
def known_bundle(project: int, plan: Plan, checkout: Checkout, virtualenv: Virtualenv, *, rebuild: bool) -> int | None:
    """Return the bundle that users see if this build would only repeat it; that one is already proved and archived."""
    key = build.build_key(plan, checkout, virtualenv)
    return None if rebuild else releases.same_build(wiring.zoomdb(), project, key)


@on_role("build")
def ship_environment(job: int, virtualenv: Virtualenv) -> None:
    """Archive and upload the virtualenv, unless an earlier version brought it; appservers that stand by fetch it."""
    layers_folder = wiring.server_dir("build") / "layers"
    store = wiring.bundle_store()
    layer = packing.ship_virtualenv(virtualenv.path, virtualenv.key, layers_folder=layers_folder, store=store)
    if layer:
        announce(job, layer)


@on_role("build")
def archive_bundle(
    job: int, project: int, plan: Plan, checkout: Checkout, virtualenv: Virtualenv, verification: Verification
) -> int:
    """Archive a verified build as layers, and return the bundle's id in zoomdb."""
    folder, work = wiring.server_dir("build"), wiring.work_dir(checkout.sysid)
    manifest = build.archive(plan, checkout, virtualenv, verification, work=work, layers_folder=folder / "layers")
    bundle = build.record(wiring.zoomdb(), project, plan, checkout, manifest)
    build.clean_up(work, checkout, checkouts_folder=folder / "checkouts")
    return bundle


@on_role("build")
def bundle_upload(job: int, bundle: int) -> None:
    """Upload the layers that the bundle store does not have yet."""
    manifest = bundles.manifest_of(wiring.zoomdb(), bundle)
    layers_folder = wiring.server_dir("build") / "layers"
    packing.upload(manifest, layers_folder=layers_folder, store=wiring.bundle_store())
    bundles.mark_uploaded(wiring.zoomdb(), bundle)
