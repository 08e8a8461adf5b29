"""Virtualenvs: which Python and which requirements a project gets, and how they are installed and shared.

Start with `virtualenvs.py`: it collects the requirements (`collection.py`, `lines.py`, `lockfiles.py`) with where they
come from (`sources.py`, `indexes.py`, `own_packages.py`), completes them (`substitutions.py`) and installs them, from the
shared package cache where it can (`wheels.py`, `bytecode.py`).
Packages are built and installed only in a `Sandbox`; the room neither reads nor writes zoomdb.
"""
