from django.conf import settings
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse(f"VAT {settings.VAT} % of {settings.PRICING}"))]
