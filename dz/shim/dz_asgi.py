# mypy: ignore-errors
"""The ASGI application that gunicorn serves."""

import dz_answers
import dz_application
import dz_front

application = dz_front.asgi(dz_answers.asgi(dz_application.load("asgi")))
