from dynaconf import DjangoDynaconf, Validator

ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
settings = DjangoDynaconf(__name__, validators=[Validator("MAIL_KEY", must_exist=True)])
