"""Which configurations of a repository are worth a proof, the likeliest first."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

from dz.tasklib import detection
from dz.tasklib.checkouts.checkouts import Checkout
from dz.tasklib.configuration import resolution, zoombuild
from dz.tasklib.configuration.keys import Value
from dz.tasklib.configuration.plan import Plan
from dz.tasklib.configuration.zoombuild import Zoombuild
from dz.tasklib.detection import Inspection

MOST = 4


def plans(inspection: Inspection, checkout: Checkout) -> list[Plan]:
    """Return the candidates' plans, at most MOST; just one if the repository's `zoombuild.cfg` names the settings.

    Raises:
        NotDjango, InvalidConfig: see `resolution.of_checkout`.
    """
    own = zoombuild.in_repo(checkout.path)
    if own and own.values.get("django_settings_module"):
        return [_resolved(inspection, checkout, {})]
    return [_plan(inspection, checkout, *pair) for pair in _pairs(inspection, checkout.path)[:MOST]]


def _resolved(inspection: Inspection, checkout: Checkout, form: dict[str, Value]) -> Plan:
    return resolution.of_checkout(
        inspection, checkout.path, source_url=checkout.url, attached=None, stored=None, form=form
    )


def _pairs(inspection: Inspection, path: Path) -> list[tuple[str, str]]:
    """Return the (project root, settings module) pairs that go together."""
    first = inspection.project_root or "."
    pairs = {(first, inspection.settings_module): None} if inspection.settings_module else {}
    roots = [str(guess.value) for guess in _sorted(inspection, "project_root")] or [first]
    for guess in _sorted(inspection, "settings_module"):
        for root in roots:
            folders = (root, *inspection.python_path_dirs) if root == first else (root, f"{root}/src")
            if any(_has(path / folder, str(guess.value)) for folder in folders):
                pairs[root, str(guess.value)] = None
                break
    return list(pairs)


def _sorted(inspection: Inspection, field: str) -> list[detection.Guess]:
    return sorted((g for g in inspection.guesses if g.field == field and g.value), key=lambda g: not g.is_primary)


def _has(folder: Path, module: str) -> bool:
    place = folder / module.replace(".", "/")
    return place.with_name(f"{place.name}.py").is_file() or (place / "__init__.py").is_file()


def _plan(inspection: Inspection, checkout: Checkout, root: str, module: str) -> Plan:
    plan = _resolved(inspection, checkout, {"project_root": root, "django_settings_module": module})
    return plan if root == (inspection.project_root or ".") else _elsewhere(plan, checkout.path, root)


def _elsewhere(plan: Plan, path: Path, root: str) -> Plan:
    """Return the plan of another project in the same repository: what it lacks comes from `plan`."""
    named = Zoombuild({"django_settings_module": plan.django_settings_module}, "the candidate")
    own = resolution.resolve(detection.inspect(path / root), source_url=plan.source_code_url, attached=named)
    files = _below(root, own.dependency_files)
    return replace(
        own,
        project_root=root,
        package_manager=own.package_manager if files else plan.package_manager,
        dependency_files=files or plan.dependency_files,
        additional_python_path_dirs=_below(root, own.additional_python_path_dirs),
        python_version=own.python_version or plan.python_version,
        python_version_basis=own.python_version_basis if own.python_version else plan.python_version_basis,
        django_version=own.django_version or plan.django_version,
    )


def _below(root: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(PurePosixPath(root) / name) for name in names)
