# mypy: ignore-errors
"""The WSGI application that gunicorn serves."""

import dz_application

application = dz_application.load("wsgi")
