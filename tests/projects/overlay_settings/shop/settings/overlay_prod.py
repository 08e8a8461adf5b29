import os
DEBUG = False
SECRET_KEY = os.environ["SHOP_SECRET"]
