# mypy: ignore-errors
"""Collects the static files of a project, and copies the folders that it maps to URLs.

Runs in the project's interpreter.
"""

import json
import os
import re
import shutil
import sys

from dz_report import WARNINGS


def collect_static(job, settings, source):
    """Collect the static files; if the project's storage refuses, with Django's plain one."""
    from django.apps import apps
    from django.core.management import call_command

    if not job.get("collectstatic"):
        return False
    if not apps.is_installed("django.contrib.staticfiles"):
        WARNINGS.append("django.contrib.staticfiles is not installed; no static files were collected.")
        return False
    settings.STATICFILES_DIRS = _existing(settings.STATICFILES_DIRS)
    call_command("collectstatic", interactive=False, verbosity=0)
    if apps.is_installed("compressor") and getattr(settings, "COMPRESS_OFFLINE", False):
        call_command("compress", verbosity=0)
    add_committed(source, str(settings.STATIC_ROOT))
    return True


def add_committed(source, target):
    """Add the files that the repository itself keeps in its STATIC_ROOT; what was collected wins."""
    own = os.path.realpath(str(sys.modules["dz_settings"]._own.get("STATIC_ROOT") or source))
    if not own.startswith(os.path.realpath(source) + os.sep) or not os.path.isdir(own):
        return
    for folder, _, names in os.walk(own):
        place = os.path.join(target, os.path.relpath(folder, own))
        for name in names:
            path, wanted = os.path.join(folder, name), os.path.join(place, name)
            if not os.path.islink(path) and not os.path.exists(wanted):
                os.makedirs(place, exist_ok=True)
                shutil.copyfile(path, wanted)
    _merge_manifest(os.path.join(own, "staticfiles.json"), os.path.join(target, "staticfiles.json"))


def _merge_manifest(committed, collected):
    if not os.path.isfile(committed) or not os.path.isfile(collected):
        return
    with open(committed, encoding="utf-8") as stream:
        paths = json.load(stream).get("paths") or {}
    with open(collected, encoding="utf-8") as stream:
        manifest = json.load(stream)
    manifest["paths"] = dict(paths, **(manifest.get("paths") or {}))
    with open(collected, "w", encoding="utf-8") as stream:
        json.dump(manifest, stream)


def _existing(folders):
    found = []
    for entry in folders:
        folder = entry[1] if isinstance(entry, (list, tuple)) else entry
        if os.path.isdir(str(folder)):
            found.append(entry)
        else:
            WARNINGS.append("STATICFILES_DIRS names %s, which is not there." % os.path.basename(str(folder)))
    return found


def copy_map(job, source):
    """Copy the folders of site_media_map; nothing outside the checkout and the environment."""
    import sysconfig

    packages = os.path.realpath(sysconfig.get_paths()["purelib"])
    roots = {"SITE_PACKAGES": packages, "SRC_PACKAGES": source}
    for number, (url, folder) in enumerate(job["site_media_map"]):
        wanted = re.sub(r"^\{(SITE_PACKAGES|SRC_PACKAGES)\}/?", lambda match: roots[match.group(1)] + os.sep, folder)
        path = os.path.realpath(os.path.join(source, wanted))
        if not any(path == root or path.startswith(root + os.sep) for root in (packages, os.path.realpath(source))):
            raise ValueError("site_media_map: %s lies outside the project" % folder)
        if not os.path.isdir(path):
            raise ValueError("site_media_map: %s is not a folder of the project" % folder)
        shutil.copytree(path, os.path.join(job["out"], "map", str(number)), symlinks=True, ignore=_links)


def _links(folder, names):
    return [name for name in names if os.path.islink(os.path.join(folder, name)) or name in (".git", ".hg", ".svn")]
