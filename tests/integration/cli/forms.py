"""The form of a launch, as it waits for a person."""

ANSWER = {
    "project": "shop",
    "project_root": "src",
    "django_settings_module": "shop.settings",
    "use_asgi": False,
    "hooks": ["migrate"],
    "processes": 2,
}
WANTED = [
    {"name": "PAY_KEY", "basis": "settings.py:3", "secret": True, "random": False, "required": True},
    {"name": "MAIL_FROM", "basis": "settings.py:4", "secret": False, "random": False, "required": True},
    {"name": "SALT", "basis": "settings.py:5", "secret": True, "random": True, "required": True},
]
