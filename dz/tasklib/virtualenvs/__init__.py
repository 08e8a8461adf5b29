"""Virtualenvs: which Python, which requirements, and how they are installed and shared."""
