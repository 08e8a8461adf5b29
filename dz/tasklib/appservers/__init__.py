"""App instances on an appserver: how they are installed, configured, booted, checked, stopped and repaired.

Start with `instance.py`, which says what an app instance is and where it lies; every other file is one step of its
life. Of a build, the room knows the bundle's manifest and layers only; it knows nothing of `proof` or `proxies`.
"""
