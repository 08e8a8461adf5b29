# mypy: ignore-errors
"""Starts what belongs to a bundle: `dz_run.py ENV.JSON gunicorn CONFIG | manage ARGS... | verify JOB.JSON`.

Runs in the project's interpreter, as the project's user: no imports but the standard library, and old syntax.
"""

import gc
import json
import os
import runpy
import sys

BUNDLE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KEPT = ("HOME", "PATH", "LANG", "LC_ALL", "TMPDIR")


def read_plan():
    """Return the plan that the bundle was built from."""
    with open(os.path.join(BUNDLE, "dz", "plan.json"), encoding="utf-8") as stream:
        return json.load(stream)


def source_beside(file_name):
    """Return where the code lies: beside the variables' file, if the project may write in a copy of it there."""
    own = os.path.join(os.path.dirname(os.path.abspath(file_name)), "src")
    return own if os.path.isdir(own) else os.path.join(BUNDLE, "src")


def search_path(plan, source):
    """Return the folders where the project's modules are found."""
    folders = [plan["project_root"]] + list(plan["additional_python_path_dirs"])
    return list(dict.fromkeys(os.path.normpath(os.path.join(source, folder)) for folder in folders))


def set_environment(file_name, plan, source):
    """Replace the environment by that of the file; what is not named there does not reach the project."""
    with open(file_name, encoding="utf-8") as stream:
        given = json.load(stream)
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    paths = [os.path.join(BUNDLE, "dz")] + search_path(plan, source)
    programs = os.path.dirname(sys.executable)
    os.environ.clear()
    os.environ.update({"HOME": os.path.dirname(os.path.abspath(file_name))})
    os.environ.update(kept)
    os.environ.update({name: str(value) for name, value in given.items()})
    os.environ.update(
        {
            "PATH": programs + os.pathsep + os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "VIRTUAL_ENV": os.path.dirname(programs),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "dz_settings",
            "DZ_PROJECT_SETTINGS_MODULE": plan["django_settings_module"],
            "DZ_DATABASE_TYPE": plan["database_type"],
        }
    )
    options = os.path.join(BUNDLE, "dz", "verified.json")
    if os.path.exists(options):
        with open(options, encoding="utf-8") as stream:
            os.environ.update(json.load(stream)["environment"])
    sys.path[:] = paths + [folder for folder in sys.path if folder not in paths + [""]]


def nonce_of(job_file):
    """Return what marks a genuine report, and remove it: nothing of the project has run yet, not even a .pth file."""
    with open(job_file, encoding="utf-8") as stream:
        name = os.path.join(json.load(stream)["out"], "nonce")
    with open(name, encoding="utf-8") as stream:
        nonce = stream.read()
    os.remove(name)
    return nonce


def enter_virtualenv():
    """Do what Python does by itself where it was not started with -S: find the packages, run their .pth files."""
    import site

    site.main()


def collect_seldom():
    """Look for garbage less often: while a project is loaded there is next to none, and looking takes 5 % of the time."""
    gc.set_threshold(100000, 50, 50)


def manage(words):
    """Run `manage.py` with these words, or copy rows for `dz_data FILE`; return an exit code."""
    if words[:1] == ["dz_data"]:
        import dz_data

        return dz_data.main(words[1:])
    from django.core.management import execute_from_command_line

    if words[:1] == ["migrate"]:
        import dz_locks

        dz_locks.bound_waits()
    execute_from_command_line(["manage.py"] + words)
    return 0


def main(arguments):
    """Run one command of the bundle."""
    file_name, command, rest = arguments[0], arguments[1], arguments[2:]
    if command == "verify":
        nonce = nonce_of(rest[0])
        enter_virtualenv()
    plan = read_plan()
    source = os.environ.get("DZ_SOURCE") or source_beside(file_name)
    set_environment(file_name, plan, source)
    os.chdir(os.path.join(source, plan["project_root"]))
    if command == "gunicorn":
        words = ["gunicorn", "-c", rest[0]] + rest[1:]
        words += ["-k", "dz_worker.Worker", "dz_asgi:application"] if plan["use_asgi"] else ["dz_wsgi:application"]
        sys.argv = words
        runpy.run_module("gunicorn", run_name="__main__", alter_sys=False)
    elif command == "manage":
        collect_seldom()
        sys.exit(manage(rest))
    elif command == "verify":
        collect_seldom()
        import dz_verify

        dz_verify.main(rest[0], nonce, plan, source)
    else:
        sys.exit("dz_run: unknown command " + command)


if __name__ == "__main__":
    main(sys.argv[1:])
