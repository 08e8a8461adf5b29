import os

import dj_database_url

ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
SECRET_KEY = os.environ["SECRET_KEY"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
if "ON_THE_HOST" in os.environ:
    DATABASES = {"default": dj_database_url.config(conn_max_age=600)}
    BUCKET = os.environ["BUCKET"]
