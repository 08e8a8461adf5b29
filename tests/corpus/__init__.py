"""Repositories whose right answers are written down; see README.md."""
