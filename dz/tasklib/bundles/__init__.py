"""Bundles: built, packed into layers, uploaded, listed and deleted.

`manifest.py` and `layers.py` are what other servers read; `build.py`, `packing.py` and `bundles.py` work on a build server.
"""
