"""A small Django project that tests change here and there, and its plan."""

import os
import textwrap
from dataclasses import replace
from pathlib import Path

from dz.tasklib.checkouts.checkouts import Checkout
from tests import manifests

USER = "nobody" if os.geteuid() == 0 else None
"""Who runs what a project brings."""
PLAN = replace(
    manifests.PLAN,
    django_settings_module="site1.settings",
    base_python_package="site1",
    wsgi="site1.wsgi:application",
)
SETTINGS = """
    from pathlib import Path
    BASE_DIR = Path(__file__).parent
    SECRET_KEY = "django-insecure-abc"
    DEBUG = True
    ALLOWED_HOSTS = []
    INSTALLED_APPS = ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                      "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles"]
    if DEBUG:
        INSTALLED_APPS.append("debug_toolbar")
    MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware",
                  "django.middleware.csrf.CsrfViewMiddleware",
                  "django.contrib.auth.middleware.AuthenticationMiddleware",
                  "django.contrib.messages.middleware.MessageMiddleware"]
    ROOT_URLCONF = "site1.urls"
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
        "context_processors": ["django.template.context_processors.request",
                               "django.contrib.auth.context_processors.auth",
                               "django.contrib.messages.context_processors.messages"]}}]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
    STATIC_URL = "static/"
    JWT = {"SIGNING_KEY": SECRET_KEY}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
URLS = """
    from django.conf import settings
    from django.contrib import admin
    from django.http import JsonResponse
    from django.urls import path

    def home(request):
        return JsonResponse({"debug": settings.DEBUG, "engine": settings.DATABASES["default"]["ENGINE"],
                             "hosts": settings.ALLOWED_HOSTS, "secret": settings.SECRET_KEY,
                             "jwt": settings.JWT["SIGNING_KEY"], "root": str(settings.MEDIA_ROOT)})

    urlpatterns = [path("", home), path("admin/", admin.site.urls)]
"""
WSGI = """
    import os
    os.environ["DJANGO_SETTINGS_MODULE"] = "site1.settings"
    from django.core.wsgi import get_wsgi_application
    application = get_wsgi_application()
"""


def make_project(root: Path, settings: str = "", **files: str) -> Checkout:
    content = {
        "requirements.txt": "Django==4.2.16\n",
        "site1/__init__.py": "",
        "site1/settings.py": textwrap.dedent(SETTINGS) + textwrap.dedent(settings),
        "site1/urls.py": textwrap.dedent(URLS),
        "site1/wsgi.py": textwrap.dedent(WSGI),
        **{name.replace("__", "/"): textwrap.dedent(text) for name, text in files.items()},
    }
    for name, text in content.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Checkout(
        path=root, url="https://example.org/site.git", ref=None, commit="0" * 40, message="x", sysid="p00000001"
    )
