import os

BASE_DIR = os.path.dirname(os.path.dirname(__file__))
SECRET_KEY = "only for this fixture"
INSTALLED_APPS = ("django.contrib.auth", "south")
MIDDLEWARE_CLASSES = ("django.middleware.common.CommonMiddleware",)
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(BASE_DIR, "db.sqlite3")}}

from settings_hosted import *
