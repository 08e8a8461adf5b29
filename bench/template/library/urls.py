from books import views
from django.contrib import admin
from django.urls import path

from library.extra import urls

urlpatterns = [
    path("", views.index),
    path("version", views.version),
    path("admin/", admin.site.urls),
    *urls(),
]
