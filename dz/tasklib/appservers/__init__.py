"""App instances on an appserver: installed, configured, booted, healthy, stopped, repaired.

`instance.py` says what an app instance is and where it lies; every other file is one step of its life.
"""
