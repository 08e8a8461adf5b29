import os

import sentry_sdk

SECRET_KEY = os.getenv("SECRET_KEY", "ground in the open")
INSTALLED_APPS = ["django.contrib.staticfiles"]
ROOT_URLCONF = "mill.urls"
STATIC_URL = "static/"

KEY = os.getenv("SENTRY_KEY")
PROJECT = os.getenv("SENTRY_PROJECT")
sentry_sdk.init(dsn=f"https://{KEY}.ingest.sentry.example/{PROJECT}", send_default_pii=True)

OTHER = os.getenv("OTHER_DSN", "")
sentry_sdk.init(OTHER)
