# mypy: ignore-errors
"""The WSGI application that gunicorn serves."""

import dz_answers
import dz_application
import dz_front

application = dz_front.wsgi(dz_answers.wsgi(dz_application.load("wsgi")))
