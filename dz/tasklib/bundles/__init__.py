"""Bundles: how they are built, packed into layers, uploaded, listed and deleted.

Start with `build.py`, which takes a build from its plan to a manifest; like `packing.py` and `bundles.py`, it works on
a build server. Appservers and proxies read `manifest.py` and `layers.py`, so these two import nothing else of the room.
"""
