"""Walls of a Docker engine: each confined program in a container of its own.

Begin with `launcher.py`, which runs in place of bubblewrap's. `engine.py` asks the engine for the container, `sources.py` says
which files of this machine it may be given, and `inside.py` is the first program within.
"""
