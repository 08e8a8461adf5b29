"""What decides how a project is built: `zoombuild.cfg`, the configurations that were confirmed, and the plan of a build.

Start with `resolution.py`, where detection, files and form become one plan.
"""
