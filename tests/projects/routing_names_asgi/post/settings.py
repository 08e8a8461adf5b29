SECRET_KEY = "posted in the open"
INSTALLED_APPS = ["channels", "django.contrib.staticfiles"]
ROOT_URLCONF = "post.urls"
STATIC_URL = "static/"
WSGI_APPLICATION = "post.wsgi.application"
ASGI_APPLICATION = "post.routing.application"
