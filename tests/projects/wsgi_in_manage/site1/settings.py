SECRET_KEY = "only for this fixture"
INSTALLED_APPS = ["django.contrib.contenttypes"]
ROOT_URLCONF = "site1.urls"
WSGI_APPLICATION = "manage.wsgi_application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
