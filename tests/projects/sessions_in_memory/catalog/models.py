from django.db import models


class Item(models.Model):
    picture = models.ImageField(upload_to="items")
