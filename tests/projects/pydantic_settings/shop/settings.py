from .config import config

SECRET_KEY = config.secret_key
DEBUG = config.debug
INSTALLED_APPS = ["django.contrib.contenttypes"]
ROOT_URLCONF = "shop.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": config.database.name,
        "HOST": config.database.host,
    }
}
