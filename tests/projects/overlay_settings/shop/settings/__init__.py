import os

from .base import *

if os.environ.get("SHOP_ENV", "dev") == "prod":
    from .overlay_prod import *
else:
    from .overlay_dev import *
