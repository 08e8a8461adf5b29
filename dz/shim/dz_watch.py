# mypy: ignore-errors
"""Watches what a load asks for; one that asks for nothing goes alike for every command.

Runs in the project's interpreter.
"""

import sys

ASKED = set()


class Words(list):
    """The command line, which notes that somebody reads it."""

    def __getitem__(self, key):
        ASKED.add("command line")
        return list.__getitem__(self, key)

    def __iter__(self):
        ASKED.add("command line")
        return list.__iter__(self)

    def __contains__(self, word):
        ASKED.add("command line")
        return list.__contains__(self, word)

    def __len__(self):
        ASKED.add("command line")
        return list.__len__(self)


def watch_the_load():
    """Note in ASKED what makes a load depend on the state of the database, or on the command that it is for."""
    sys.argv = Words(sys.argv)
    try:
        from django.db.backends.base.base import BaseDatabaseWrapper
    except ImportError:
        ASKED.add("unknown Django")
        return
    connect = BaseDatabaseWrapper.connect

    def noting(self, *args, **kwargs):
        ASKED.add("database")
        return connect(self, *args, **kwargs)

    BaseDatabaseWrapper.connect = noting
