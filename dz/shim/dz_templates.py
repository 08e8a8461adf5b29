# mypy: ignore-errors
"""Finds the static files that a project's templates name and that are not there.

Runs in the project's interpreter: no imports but the standard library and Django, and old syntax.
"""

import json
import os
import re

from dz_report import WARNINGS

_NAMED = (
    re.compile(r"""\{%-?\s*static\s+(["'])([^"'{}]+)\1"""),
    re.compile(r"""\{\{[^{}]*\bstatic\(\s*(["'])([^"'{}]+)\1\s*\)"""),
)
"""How templates of Django and of Jinja name a static file."""
_COMMENT = re.compile(r"\{#.*?#\}|\{%-?\s*comment\b.*?\bendcomment\s*-?%\}", re.DOTALL)
_ENDINGS = (".html", ".htm", ".djhtml", ".jinja", ".jinja2", ".j2", ".xml", ".svg", ".txt")
_SHOWN, _MOST, _SIZE = 5, 5000, 500000


def warn_of_missing(settings, source):
    """Warn of static files that templates name and that were not collected: they break pages, or lack on them."""
    from django.contrib.staticfiles.storage import staticfiles_storage

    named = {}
    for path in _templates(settings, os.path.realpath(source)):
        for name, line in _names(path):
            named.setdefault(name, "%s:%d" % (os.path.relpath(path, os.path.realpath(source)), line))
    listed = _listed(str(settings.STATIC_ROOT))
    gone, refused, unlisted = [], [], []
    for name, place in sorted(named.items(), key=lambda one: one[1]):
        plain = name.split("#")[0].split("?")[0].lstrip("/")
        there = plain in listed or os.path.exists(os.path.join(str(settings.STATIC_ROOT), plain))
        if not there:
            unlisted += _beside(plain, source)[:1]
            (refused if _refuses(staticfiles_storage, name) else gone).append("%s (%s)" % (name, place))
    if refused:
        WARNINGS.append(_said(refused, "pages that name them answer 500", unlisted))
    if gone:
        WARNINGS.append(_said(gone, "browsers get 404 for them", unlisted))


def _beside(name, source):
    """Return where a file lies that the settings do not collect: in a folder `static` of the project or the repository."""
    places = [os.path.join(folder, "static", name) for folder in dict.fromkeys([os.getcwd(), source])]
    return [
        os.path.relpath(os.path.realpath(path), os.path.realpath(source)) for path in places if os.path.isfile(path)
    ]


def _said(found, effect, unlisted):
    more = " and %d more" % (len(found) - _SHOWN) if len(found) > _SHOWN else ""
    remedy = "Commit them; what Node makes of a front end is not built here."
    if unlisted:
        remedy = "%s is in the repository, but STATICFILES_DIRS does not name its folder. %s" % (unlisted[0], remedy)
    return "Templates name static files that are not there, so %s: %s%s. %s" % (
        effect,
        ", ".join(found[:_SHOWN]),
        more,
        remedy,
    )


def _refuses(storage, name):
    """Say whether naming a file that is not there is an error, as storages that keep a manifest have it."""
    try:
        storage.url(name)
    except ValueError:
        return True
    except Exception:  # noqa: BLE001
        return False
    return False


def _listed(root):
    """Return the names in a manifest of Django's, also those whose plain files were not kept."""
    try:
        with open(os.path.join(root, "staticfiles.json"), encoding="utf-8") as stream:
            return set(json.load(stream)["paths"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _templates(settings, root):
    """Return the template files of the repository."""
    from django.apps import apps

    places = [str(place) for entry in settings.TEMPLATES for place in entry.get("DIRS") or ()]
    places += [os.path.join(app.path, name) for app in apps.get_app_configs() for name in ("templates", "jinja2")]
    found = []
    for place in dict.fromkeys(map(os.path.realpath, places)):
        if place.startswith(root + os.sep) and "site-packages" not in place:
            for folder, _, names in os.walk(place):
                found += [os.path.join(folder, name) for name in names if name.endswith(_ENDINGS)]
    return sorted(set(found))[:_MOST]


def _names(path):
    """Return the static files that a template names, each with its line; names that are put together are left out."""
    if os.path.islink(path) or os.path.getsize(path) > _SIZE:
        return []
    with open(path, encoding="utf-8", errors="replace") as stream:
        text = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), stream.read())
    found = [(match.group(2).strip(), match.start()) for pattern in _NAMED for match in pattern.finditer(text)]
    return [
        (name, text.count("\n", 0, start) + 1)
        for name, start in found
        if name and not name.endswith("/") and "://" not in name
    ]
