"""What decides how a project is built: `zoombuild.cfg`, the configurations that were confirmed, and a build's plan.

Start with `resolution.py`, where detection, files and form become one plan. Only that file imports `detection`;
`plan.py`, which most other rooms read, imports nothing of ours.
"""
