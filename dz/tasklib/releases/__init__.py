"""Releases: numbered, immutable versions of a project, and the hooks that run once for each."""
