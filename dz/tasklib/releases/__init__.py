"""Releases: numbered, immutable versions of a project, and the hooks that run once for each.

Start with `releases.py`. `hooks.py` makes sure that hooks run once and one after another; `appservers/hooks.py` gives
it the means to run them. The room itself works on rows of zoomdb: it starts no process and contacts no server.
"""
