# mypy: ignore-errors
"""Compiles the translations of a project that are committed as sources alone, as `manage.py compilemessages` does.

Runs in the project's interpreter: no imports but the standard library, Django and polib, and old syntax.
"""

import base64
import glob
import json
import os

from dz_report import WARNINGS


def compile_missing(job, settings, source):
    """Compile each .po without a .mo beside it into the file `catalogs.json` of the job; a committed .mo is the owner's."""
    root = os.path.realpath(source)
    compiled = {}
    for path in _sources(settings, root):
        if os.path.exists(path[:-3] + ".mo"):
            continue
        name = os.path.relpath(path, root)
        try:
            import polib  # which the platform puts beside this file

            # Fuzzy and obsolete entries are left out, as msgfmt does.
            compiled[name[:-3] + ".mo"] = base64.b64encode(polib.pofile(path).to_binary()).decode("ascii")
        except Exception as error:  # noqa: BLE001
            WARNINGS.append(
                "%s could not be compiled, so its translations are not shown: %s"
                % (name, str(error).replace(root + os.sep, "")[:300])
            )
    if compiled:
        with open(os.path.join(job["out"], "catalogs.json"), "w", encoding="utf-8") as stream:
            json.dump(compiled, stream)


def _sources(settings, root):
    """Return the .po files of the repository where Django looks for compiled ones."""
    from django.apps import apps

    places = [str(place) for place in settings.LOCALE_PATHS]
    places += [os.path.join(app.path, "locale") for app in apps.get_app_configs()]
    inside = [place for place in map(os.path.realpath, places) if place.startswith(root + os.sep)]
    found = [glob.glob(os.path.join(glob.escape(place), "*", "LC_MESSAGES", "*.po")) for place in dict.fromkeys(inside)]
    real = [os.path.realpath(path) for paths in found for path in sorted(paths) if os.path.isfile(path)]
    return [path for path in dict.fromkeys(real) if path.startswith(root + os.sep) and path.endswith(".po")]
