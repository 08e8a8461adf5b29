import os

SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-x")
DEBUG = True
INSTALLED_APPS = ["django.contrib.contenttypes"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DATA_UPLOAD_MAX_MEMORY_SIZE = None
STATIC_URL = "static/"
MEDIA_URL = "media/"
MEDIA_ROOT = "media"
