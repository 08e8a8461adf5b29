"""Launches: from a repository to a live site, with a form that a person confirms in between.

Start with `launches.py`, which remembers how far each launch has got. `findings.py` gathers what the form shows and
judges the answer; `form.py` has the form's fields, `text.py` its words. This room is the topmost: no other imports it.
"""
