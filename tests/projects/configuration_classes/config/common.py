from configurations import Configuration, values


class Common(Configuration):
    SECRET_KEY = "only for this fixture"
    DEBUG = values.BooleanValue(False)
    INSTALLED_APPS = ("django.contrib.gis",)
    ROOT_URLCONF = "site1.urls"
    DATABASES = values.DatabaseURLValue("postgis://site1@localhost/site1")
    MAP_KEY = values.SecretValue()
