"""The variables of a project, from where they are stored to the app instance that gets them.

`stored.py` keeps the owner's, encrypted; `of_release.py` puts together what a release runs with; `platform.py` fills
those that the platform knows under a project's own names; `missing.py` says what only the owner can know;
`placeholders.py` stands in for values while a project is only tried; `redaction.py` keeps values out of texts.
"""
