from configurations import values

from .common import Common


class Production(Common):
    INSTALLED_APPS = Common.INSTALLED_APPS + ("gunicorn",)
    SECRET_KEY = values.SecretValue()
    EMAIL_HOST = values.Value("localhost", environ_name="MAIL_HOST", environ_prefix="")
