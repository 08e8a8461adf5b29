ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.sessions", "catalog"]
MIDDLEWARE = []
SECRET_KEY = "x"
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
STORAGES = {"default": {"BACKEND": "storages.backends.s3.S3Storage"}}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "shop",
        "USER": "shop",
        "PASSWORD": "",
        "HOST": "",
    }
}
