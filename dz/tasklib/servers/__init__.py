"""Servers: which are registered and alive, how busy each is, and where a release is placed.

Start with `servers.py`. `heartbeats.py` writes what a server reports about itself, and `placement.py` chooses the
appservers and ports of a release. The room works on rows of zoomdb: it contacts no server.
"""
