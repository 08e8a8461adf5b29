import os
import sys

ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
SECRET_KEY = os.getenv("SECRET_KEY")
if not SECRET_KEY:
    sys.exit("SECRET_KEY is not set")
ADMINS_OF = os.getenv("ADMIN_MAILS").split(",")
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
