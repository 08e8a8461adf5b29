"""The embedded local stack: every server of DjangoZoom on one machine, from wheels.

Start with `stack.py` (`up`, `down`, `status`), then `start.py`, the order of a start, and `configuration.py`, which
decides what runs with which settings.
"""
