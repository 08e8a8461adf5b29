"""The variables of a project, from where they are stored to the app instance that gets them.

Start with `stored.py`, which keeps the owner's variables, encrypted. `of_release.py` puts together what a release runs
with, and `platform.py` the values that the platform gives to names of the project's choosing. `missing.py` lists what
only the owner can know, `placeholders.py` makes up values while a project is only tried, and `redaction.py` keeps
values out of texts. The room knows nothing of the servers and processes that the variables are for.
"""
