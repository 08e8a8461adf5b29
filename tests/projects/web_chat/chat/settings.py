import os

SECRET_KEY = os.environ.get("SECRET_KEY", "django-insecure-x")
DEBUG = True
INSTALLED_APPS = ["daphne", "django.contrib.contenttypes", "channels"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "chat.urls"
WSGI_APPLICATION = "chat.wsgi.application"
ASGI_APPLICATION = "chat.asgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
STATIC_URL = "static/"
