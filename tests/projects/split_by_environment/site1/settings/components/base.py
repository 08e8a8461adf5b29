SECRET_KEY = "only for this fixture"
INSTALLED_APPS = ["django.contrib.contenttypes"]
ROOT_URLCONF = "site1.urls"
