from .env import flag, need

ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]
MIDDLEWARE = []
SECRET_KEY = need("SECRET")
DEBUG = flag("DEBUG")
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": need("DB", "shop"),
        "USER": need("DB_USER"),
        "PASSWORD": need("DB_PASSWORD"),
        "HOST": need("DB_HOST", "localhost"),
    }
}
STRIPE = need("STRIPE_TOKEN")
