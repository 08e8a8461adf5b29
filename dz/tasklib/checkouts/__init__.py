"""Source code on a build server: the tree of a commit, and local folders that are offered as repositories.

Start with `checkouts.py`; only a local stack needs `local_sources.py`. The room runs git and none of the fetched code,
and uses neither zoomdb nor any other room.
"""
