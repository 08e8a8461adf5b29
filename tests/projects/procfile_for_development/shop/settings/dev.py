from .base import *
SECRET_KEY = "x"
DEBUG = True
