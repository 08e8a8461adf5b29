"""What a verification finds out about a project that loads, and what it collects."""

import json
import pwd
import subprocess
import sys
import textwrap
from dataclasses import replace

import pytest

from dz.errors import VerificationFailed
from dz.tasklib.verification import verification
from tests.integration.django_projects import PLAN, URLS, USER, WSGI, make_project


def test_an_unmodified_sqlite_project_is_proved_and_its_static_files_collected(check, open_folder):
    found = check(make_project(open_folder / "src"))
    assert found.django_version == "4.2.16"
    assert found.static_url == "/static/"
    assert ("/static/", "static") in found.static_map
    assert (found.static_dir / "static" / "admin" / "css" / "base.css").is_file()
    assert "auth" in found.migrations
    assert not (open_folder / "src" / "site1" / "db.sqlite3").exists()


def test_urls_are_loaded_before_the_workers_unless_they_start_a_thread(check, open_folder):
    assert check(make_project(open_folder / "quiet")).shim_variables["DZ_URLS_EARLY"] == "1"
    thread = "    import threading, time\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    found = check(make_project(open_folder / "busy", **{"site1/urls.py": f"{URLS}\n{thread}"}))
    assert "DZ_URLS_EARLY" not in found.shim_variables


@pytest.mark.parametrize(
    ("asking", "alike"),
    [
        ("", True),
        ("import sys\n    migrating = 'migrate' in sys.argv\n", False),
        ("import threading, time\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n", False),
        ("from django.db import connection as c\n    try: c.cursor()\n    except Exception: pass\n", False),
    ],
    ids=["nothing", "the command line", "a thread", "the database"],
)
def test_a_load_is_alike_unless_it_asks_what_it_is_for_or_what_the_database_holds(check, open_folder, asking, alike):
    wsgi = f"{WSGI}\n    {asking}"
    assert check(make_project(open_folder / "src", **{"site1/wsgi.py": wsgi})).loads_alike is alike


def test_static_files_are_collected_also_where_the_project_has_started_a_thread(check, open_folder):
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    found = check(make_project(open_folder / "src", thread))
    assert (found.static_dir / "static" / "admin" / "css" / "base.css").is_file()


def test_a_storage_that_ends_its_process_is_a_failure_of_static_files(check, open_folder):
    storage = """
        import os
        from django.contrib.staticfiles.storage import StaticFilesStorage
        class Ending(StaticFilesStorage):
            def _save(self, name, content):
                os._exit(0)
    """
    settings = "STORAGES = {'staticfiles': {'BACKEND': 'site1.storage.Ending'}}\n"
    found = check(make_project(open_folder / "src", settings, **{"site1/storage.py": storage}))
    assert any("static files storage failed" in warning for warning in found.warnings)


def test_a_manifest_storage_is_kept_and_its_list_goes_into_the_bundle(check, open_folder):
    code = 'STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"\n'
    found = check(make_project(open_folder / "src", code))
    verification.write_shim(PLAN, open_folder / "dz", found)
    assert "admin/css/base.css" in json.loads((open_folder / "dz/static/staticfiles.json").read_text())["paths"]


def test_files_committed_in_the_static_root_are_served_too_and_collected_ones_win(check, open_folder):
    code = """
        STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        STATIC_ROOT = BASE_DIR / "static"
    """
    committed = {"paths": {"icon.png": "icon.1.png", "admin/css/base.css": "admin/css/base.old.css"}}
    files = {"site1/static/icon.1.png": "x", "site1/static/admin/css/base.css": "old"}
    found = check(
        make_project(open_folder / "src", code, **files, **{"site1/static/staticfiles.json": json.dumps(committed)})
    )
    (manifest,) = found.manifests
    paths = json.loads(found.manifests[manifest])["paths"]
    assert paths["icon.png"] == "icon.1.png"
    assert paths["admin/css/base.css"] != "admin/css/base.old.css"
    assert (found.static_dir / "static/icon.1.png").read_text() == "x"
    assert (found.static_dir / "static/admin/css/base.css").read_text() != "old"


def test_a_manifest_storage_that_fails_is_replaced_with_a_warning(check, open_folder):
    code = """
        STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        STATICFILES_DIRS = [BASE_DIR / "assets"]
    """
    checkout = make_project(open_folder / "src", code, **{"site1/assets/a.css": "a { background: url(gone.png) }"})
    found = check(checkout)
    assert any("plain storage" in warning for warning in found.warnings)
    assert found.shim_variables["DZ_PLAIN_STATIC_STORAGE"] == "1"
    assert (found.static_dir / "static/a.css").is_file()


def test_a_site_media_map_is_copied_and_cannot_leave_the_project(check, open_folder):
    checkout = make_project(open_folder / "src", **{"art/a.txt": "a"})
    (open_folder / "src/art/link").symlink_to("/etc/hostname")
    found = check(checkout, replace(PLAN, site_media_map=(("/art/", "{SRC_PACKAGES}/art"),)))
    assert (found.static_dir / "map/0/a.txt").read_text() == "a"
    assert not (found.static_dir / "map/0/link").exists()
    with pytest.raises(VerificationFailed, match="outside"):
        check(checkout, replace(PLAN, site_media_map=(("/art/", "../../../etc"),)))


MANIFEST = 'STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"\n'
BASE = """{% load static %}
<link href="{% static 'css/app.css' %}">{# {% static 'old.css' %} #}
{% comment %}
{% static 'older.css' %}
{% endcomment %}
<script src='{%- static "js/made.js?v=1#x" -%}'></script><img src="{% static 'img/' %}{{ name }}.png">
<img src="{% static "admin/css/base.css" %}"><img src="{% static 'https://cdn.example/x.js' %}">
"""


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (MANIFEST, "pages that name them answer 500"),
        ("", "browsers get 404 for them"),
    ],
    ids=["with a manifest", "without"],
)
def test_static_files_that_templates_name_and_that_are_not_there_are_warned_of(check, open_folder, settings, words):
    places = "TEMPLATES[0]['DIRS'] = [BASE_DIR / 'pages']\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\n"
    files = {"site1/pages/shop/base.html": BASE, "site1/assets/js/other.js": ""}
    (warning,) = [
        one for one in check(make_project(open_folder / "src", settings + places, **files)).warnings if "Templ" in one
    ]
    assert warning == (
        f"Templates name static files that are not there, so {words}: css/app.css (site1/pages/shop/base.html:2), "
        "js/made.js?v=1#x (site1/pages/shop/base.html:6). Commit them; what Node makes of a front end is not built here."
    )


def test_a_static_file_in_a_folder_that_no_setting_names_is_said_to_be_there(check, open_folder):
    places = "TEMPLATES[0]['DIRS'] = [BASE_DIR / 'pages']\nSTATICFILES_DIRS = [BASE_DIR / 'assets']\n"
    files = {"site1/pages/shop/base.html": BASE, "site1/assets/js/made.js": "", "static/css/app.css": ""}
    (warning,) = [one for one in check(make_project(open_folder / "src", places, **files)).warnings if "Templ" in one]
    assert "static/css/app.css is in the repository, but STATICFILES_DIRS does not name its folder. Commit" in warning


def test_what_a_project_puts_in_place_of_its_manifest_after_the_check_reaches_no_bundle(
    check, built, open_folder, tmp_path
):
    canary = tmp_path / "canary"
    canary.write_text("root's own")
    code = """
        STATICFILES_STORAGE = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    """
    found = check(make_project(open_folder / "src", code))
    own, swap = (
        found.static_dir / "static" / "staticfiles.json",
        "import os, sys; os.unlink(sys.argv[2]); os.symlink(*sys.argv[1:])",
    )
    user = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if USER else {}
    swapped = subprocess.run([sys.executable, "-I", "-c", swap, canary, own], check=False, capture_output=True, **user)
    assert (swapped.returncode == 0) == (USER is None), swapped.stderr
    verification.write_shim(built.completed(PLAN), open_folder / "dz", found)
    text = (open_folder / "dz" / "static" / "staticfiles.json").read_text()
    assert "root's own" not in text
    assert "admin/js/cancel.js" in text


def test_links_in_place_of_the_collected_files_are_not_followed(check, open_folder):
    storage = """
        import os, shutil
        from django.contrib.staticfiles.storage import StaticFilesStorage

        class Storage(StaticFilesStorage):
            def post_process(self, paths, **options):
                shutil.rmtree(self.location)
                os.symlink("/etc", self.location)
                os.symlink("/etc", os.path.join(os.path.dirname(self.location), "map"))
                return []
    """
    code = 'STATICFILES_STORAGE = "site1.storage.Storage"\n'
    found = check(make_project(open_folder / "src", code, **{"site1/storage.py": textwrap.dedent(storage)}))
    assert found.static_map == ()
    assert list(found.static_dir.iterdir()) == []
