import json
from pathlib import Path

from .site_secrets import *

BASE = Path(__file__).resolve().parent.parent
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
with open(BASE / "secrets.json") as stream:
    SECRETS = json.load(stream)
SECRET_KEY = SECRETS["key"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
