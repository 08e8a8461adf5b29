from .local import Local
from .production import Production

__all__ = ["Local", "Production"]
