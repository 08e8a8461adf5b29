"""Launches: from a repository to a live site, with a form that a person confirms in between."""
