# mypy: ignore-errors
"""The ASGI application that gunicorn serves."""

import dz_application

application = dz_application.load("asgi")
