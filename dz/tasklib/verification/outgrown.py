"""Finds out whether a project does not load because a newer version of a dependency no longer has what it uses."""

import re
from pathlib import Path
from typing import Any

from dz.tasklib.configuration.plan import Plan
from dz.tasklib.verification.reports import listed, text, word
from dz.tasklib.virtualenvs import distributions
from dz.tasklib.virtualenvs.requirements import pinned
from dz.tasklib.virtualenvs.virtualenvs import Virtualenv

_LACKING = re.compile(
    r"cannot import name '[^']+' from '([\w.]+)'|No module named '([\w.]+)'|module '([\w.]+)' has no attribute"
)
_OF_DJANGO = re.compile(
    r"has been removed except for support in historical migrations"
    r"|\(admin\.E(?:403|408|409|410)\)"
    r"|missing 1 required positional argument: 'on_delete'|unexpected keyword argument 'providing_args'"
    r"|view must be a callable or a list/tuple in the case of include"
    r"|namespace in include\(\) without providing an app_name"
    r"|'staticfiles' is not a registered tag library|'admin_static' is not a registered tag library"
    r"|'Library' object has no attribute 'assignment_tag'|object has no attribute 'is_ajax'"
    r"|unexpected keyword argument 'context_instance'"
)
"""What Django, or Python, says of code that uses what Django no longer has: docs.djangoproject.com, "Features removed"."""
_BROUGHT = {"pytz": "django"}
"""Modules that the newest version of a package no longer brings with it."""
_OF_CODE = ("ImportError", "ModuleNotFoundError", "AttributeError", "TypeError", "NameError")
"""Errors of code that does not fit what it uses; others may be about values, files or services."""


def package(report: dict[str, Any], plan: Plan, root: Path, virtualenv: Virtualenv) -> str:
    """Return the package whose version neither a lock file nor a pin decides, and which the project has outlived.

    Args:
        report: of a verification that failed.
        root: the checkout's.

    Returns:
        Its canonical name; "" if the project does not load for any other reason.
    """
    if virtualenv.locked:
        return ""
    found = _package(report, plan, root, virtualenv)
    return "" if found in pinned(virtualenv.lines) else found


def _package(report: dict[str, Any], plan: Plan, root: Path, virtualenv: Virtualenv) -> str:
    error = report["error"] if isinstance(report.get("error"), dict) else {}
    said = "\n".join(
        [text(error.get("message"), 4000), *(text(one, 600) for one in listed(report.get("check_errors")))]
    )
    if _OF_DJANGO.search(said):
        return "django"
    if word(error.get("type")) not in _OF_CODE:
        return ""
    lacking = _LACKING.search(said)
    if lacking:
        module = next(filter(None, lacking.groups()))
        return "" if _is_own(module, plan, root) else _brings(module, virtualenv)
    raised_in = word(error.get("raised_in"))
    return distributions.owner_of(virtualenv.path, raised_in.partition("/")[0].removesuffix(".py")) if raised_in else ""


def _brings(module: str, virtualenv: Virtualenv) -> str:
    """Return the package that brings a module, or whose older versions do."""
    return distributions.owner_of(virtualenv.path, module) or _BROUGHT.get(module, "")


def _is_own(module: str, plan: Plan, root: Path) -> bool:
    top = module.partition(".")[0]
    folders = [root / folder for folder in (plan.project_root, *plan.additional_python_path_dirs)]
    return any((folder / name).exists() for folder in folders for name in (top, f"{top}.py"))
