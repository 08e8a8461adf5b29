from environs import Env

env = Env()
env.read_env()
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
with env.prefixed("SHOP_"):
    SECRET_KEY = env.str("KEY")
    CURRENCY = env.str("CURRENCY", "EUR")
    TAX = env.decimal("TAX")
DATABASES = {"default": env.dj_db_url("SHOP_DATABASE")}
