"""Turns detection, every `zoombuild.cfg` and the form into one plan."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dz.errors import AmbiguousProject, NotDjango
from dz.tasklib import detection
from dz.tasklib.configuration import keys, zoombuild
from dz.tasklib.configuration.keys import Value
from dz.tasklib.configuration.plan import SERVED_AS_POSTGRES, Plan
from dz.tasklib.configuration.zoombuild import Zoombuild
from dz.tasklib.detection import Inspection, contract
from dz.tasklib.detection.dependencies import files_for


def of_checkout(
    inspection: Inspection,
    root: Path,
    *,
    source_url: str,
    attached: str | None,
    stored: str | None,
    form: Mapping[str, Value] | None = None,
) -> Plan:
    """Return the plan that follows from detection and from all configurations of a project; see `resolve`.

    Args:
        root: the checkout.
        form: the keys that the verification form gives; they override everything else.
    """
    given = zoombuild.parse(attached, "the attached zoombuild.cfg") if attached else Zoombuild({})
    plan = resolve(
        inspection,
        source_url=source_url,
        attached=Zoombuild({**given.values, **(form or {})}, given.origin),
        in_repo=zoombuild.in_repo(root),
        stored=zoombuild.parse(stored, "the stored zoombuild.cfg") if stored else None,
    )
    if (plan.project_root, plan.django_settings_module) == (inspection.project_root, inspection.settings_module):
        return plan
    found = detection.environment_of(root, plan.project_root, plan.django_settings_module)
    plan = dataclasses.replace(plan, platform_variables=detection.contract.platform_variables(found))
    if plan.required_variables != inspection.env_required:
        return plan
    return dataclasses.replace(plan, required_variables=tuple(one.name for one in found if one.required))


def chosen_keys(root: Path, *, attached: str | None, stored: str | None) -> set[str]:
    """Return the keys that any configuration of a project sets; see `of_checkout`."""
    texts = [zoombuild.parse(text) for text in (attached, stored) if text]
    found = zoombuild.in_repo(root)
    return {key for one in (*texts, *([found] if found else [])) for key in one.values}


def resolve(
    inspection: Inspection,
    *,
    source_url: str,
    attached: Zoombuild | None = None,
    in_repo: Zoombuild | None = None,
    stored: Zoombuild | None = None,
) -> Plan:
    """Return the plan of a build.

    The attached configuration overrides the stored one, the stored one the repository's, and that one detection.

    Raises:
        NotDjango: nothing to deploy was found or named.
        AmbiguousProject: there are several candidates, and no configuration chooses one.
    """
    given: dict[str, Value] = {}
    for source in (in_repo, stored, attached):
        given |= source.values if source else {}
    _refuse_unclear(inspection, given)
    detected = _of_web_process(inspection, _detected(inspection, source_url))
    chosen = {keys.FIELD_OF.get(key, key): value for key, value in given.items()}
    if "python_version" in given:
        chosen |= {"python_version_basis": "requires-python", "python_version_place": "python_version in zoombuild.cfg"}
    if "dependency_files" in chosen and "package_manager" not in given:
        chosen["package_manager"] = "pip"
    elif "package_manager" in given and "dependency_files" not in chosen:
        chosen["dependency_files"] = files_for(str(given["package_manager"]), inspection.dependency_files)
    if "django_settings_module" in given and "base_python_package" not in given:
        chosen["base_python_package"] = str(given["django_settings_module"]).split(".")[0]
    if "asgi" in given and "use_asgi" not in given and not (chosen.get("wsgi") or inspection.wsgi):
        chosen["use_asgi"] = True
    return Plan(**(detected | chosen))


def _refuse_unclear(inspection: Inspection, given: dict[str, Value]) -> None:
    named = given.get("django_settings_module")
    if named:
        return
    if not inspection.is_django:
        raise NotDjango(
            f"No Django project was found: {inspection.reason or 'no manage.py, WSGI module or settings'}.",
            "Give the URL of a repository that holds a Django project, or name django_settings_module and "
            "project_root in a zoombuild.cfg.",
        )
    rows = [g for g in inspection.guesses if g.field in ("project_root", "settings_module")]
    # A single candidate that detection cannot read leaves nothing to choose; verification names the faulty line.
    choices = len(rows) > len({guess.field for guess in rows})
    if (inspection.ambiguous and choices) or not inspection.settings_module:
        listed = "; ".join(f"{g.field} {g.value} ({g.basis})" for g in rows) or "none was found"
        raise AmbiguousProject(
            f"Several candidates are equally likely: {listed}.",
            "Choose with a zoombuild.cfg: set project_root and django_settings_module in its [project] section.",
        )


def _of_web_process(inspection: Inspection, detected: dict[str, Any]) -> dict[str, Any]:
    """Add what the owner wrote about the web process, as far as the keys of `zoombuild.cfg` can have it."""
    found, warnings = dict(detected), list(detected["warnings"])
    for key, raw, basis in inspection.web:
        try:
            found[key] = keys.typed(key, raw)
        except ValueError as error:
            warnings.append(f"{basis}: {key} is not taken over: {error}.")
    return found | {"use_asgi": found["use_asgi"] and bool(inspection.asgi), "warnings": tuple(warnings)}


def _detected(inspection: Inspection, source_url: str) -> dict[str, Any]:
    module = inspection.settings_module or ""
    name = source_url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    manager = inspection.package_manager or "none"
    return {
        "title": re.sub(r"[-_.]+", " ", name).strip().capitalize()[:200] or "Site",
        "source_code_url": source_url,
        "project_root": inspection.project_root or ".",
        "django_settings_module": module,
        "base_python_package": module.split(".")[0],
        "wsgi": inspection.wsgi,
        "asgi": inspection.asgi,
        "use_asgi": inspection.asgi_needed,
        "python_version": inspection.python_version,
        "python_version_basis": inspection.python_version_basis,
        "python_version_place": inspection.python_version_place,
        "python_preference": inspection.python_preference,
        "python_preference_place": inspection.python_preference_place,
        "package_manager": manager,
        "dependency_files": files_for(manager, inspection.dependency_files),
        "extra_requirements": inspection.extra_requirements,
        "additional_python_path_dirs": inspection.python_path_dirs,
        "database_type": "postgresql-gis" if inspection.gis else SERVED_AS_POSTGRES,
        "required_variables": inspection.env_required,
        "platform_variables": contract.platform_variables(inspection.environment),
        "django_version": inspection.django_version,
        "warnings": inspection.warnings,
    }
