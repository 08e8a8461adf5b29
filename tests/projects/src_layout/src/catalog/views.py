from django.conf import settings
from django.shortcuts import render

from .models import Product


def index(request):
    return render(request, "catalog/index.html", {"greeting": settings.SHOP_GREETING, "products": Product.objects.all()})
