"""`zoombuild.cfg`: what an owner may say about a build, and the plan that follows from it and from detection."""

import configparser
import dataclasses
import io
import re
from dataclasses import dataclass
from typing import Any

from dz.errors import AmbiguousProject, InvalidConfig, NotDjango
from dz.tasklib import zoombuild_keys as keys
from dz.tasklib.detection import Inspection, contract
from dz.tasklib.detection.dependencies import files_for
from dz.tasklib.zoombuild_keys import Value

MAX_BYTES = 65536
_SERVED_AS_POSTGRES = "postgresql"


@dataclass(frozen=True)
class Zoombuild:
    """One `zoombuild.cfg`: the keys that it holds, typed, and where it came from.

    Args:
        values: key to its value (text, number, flag or list); absent keys are for others to decide.
        origin: the name that errors use, for example `zoombuild.cfg`.
    """

    values: dict[str, Value]
    origin: str = "zoombuild.cfg"


@dataclass(frozen=True)
class Plan:
    """The resolved configuration of one build; paths are relative to the checkout's root."""

    title: str
    source_code_url: str
    project_root: str
    django_settings_module: str
    base_python_package: str
    wsgi: str | None
    asgi: str | None
    use_asgi: bool
    python_version: str | None
    python_version_basis: str
    package_manager: str
    dependency_files: tuple[str, ...]
    extra_requirements: tuple[str, ...] = ()
    additional_python_path_dirs: tuple[str, ...] = ()
    site_media_map: tuple[tuple[str, str], ...] = ()
    database_type: str = _SERVED_AS_POSTGRES
    instances: int = 1
    processes: int = 2
    preload: bool = True
    health_path: str = "/"
    hooks: tuple[str, ...] = ("migrate",)
    collectstatic: bool = True
    required_environment: tuple[str, ...] = ()
    supplied_environment: tuple[tuple[str, str], ...] = ()
    build_environment: tuple[tuple[str, str], ...] = ()
    django_version: str | None = None
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        """Return the plan that `to_json` gave."""
        return cls(**{name: _frozen(value) for name, value in data.items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value


def parse(text: str | bytes, origin: str = "zoombuild.cfg") -> Zoombuild:
    """Read a `zoombuild.cfg`.

    Args:
        text: the file; UTF-8, 64 kB at most.
        origin: the name to use in errors.

    Raises:
        InvalidConfig: with file, line and key.
    """
    plain = _decoded(text, origin)
    parser = configparser.ConfigParser(interpolation=None, strict=True, default_section="\0none")
    try:
        parser.read_string(plain, origin)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [(1, "")])))[0]
        raise _invalid(origin, line, None, str(error).splitlines()[0]) from error
    unknown = [section for section in parser.sections() if section != "project"]
    if unknown:
        line = keys.line_of(plain, f"[{unknown[0]}]")
        raise _invalid(origin, line, None, f"section [{unknown[0]}] is unknown; the only one is [project]")
    if not parser.has_section("project"):
        raise _invalid(origin, 1, None, "the section [project] is missing")
    values = {}
    for key, raw in parser.items("project"):
        try:
            values[key] = keys.typed(key, raw)
        except ValueError as error:
            raise _invalid(origin, keys.line_of(plain, key), key, str(error)) from error
    return Zoombuild(values, origin)


def _decoded(text: str | bytes, origin: str) -> str:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    if len(data) > MAX_BYTES:
        raise _invalid(origin, 1, None, f"the file has {len(data)} bytes; {MAX_BYTES} are allowed")
    try:
        plain = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(origin, data[: error.start].count(b"\n") + 1, None, "the file is not UTF-8") from error
    bad = keys.CONTROL.search(plain.replace("\r\n", "\n"))
    if bad:
        line = plain[: bad.start()].count("\n") + 1
        raise _invalid(origin, line, None, f"the control character {bad.group()!r} is not allowed")
    return plain


def _invalid(origin: str, line: int, key: str | None, problem: str) -> InvalidConfig:
    where = f"{origin}, line {line}" + (f", key {key}" if key else "")
    return InvalidConfig(f"{where}: {problem}.", "Correct this line; docs/zoombuild.md describes every key.")


def render(plan: Plan) -> str:
    """Return the `zoombuild.cfg` that holds exactly `plan` (warnings and detection's bases are left out)."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.add_section("project")
    for key, text in keys.texts(plan.to_json()):
        parser.set("project", key, text)
    out = io.StringIO()
    parser.write(out)
    return out.getvalue()


def resolve(
    inspection: Inspection,
    *,
    source_url: str,
    attached: Zoombuild | None = None,
    in_repo: Zoombuild | None = None,
    stored: Zoombuild | None = None,
) -> Plan:
    """Return the plan of a build: what was attached wins over stored, over in the repository, over detection.

    Raises:
        NotDjango: nothing to deploy was found or named.
        AmbiguousProject: several candidates, and no configuration chooses.
    """
    given: dict[str, Value] = {}
    for source in (in_repo, stored, attached):
        given |= source.values if source else {}
    _refuse_unclear(inspection, given)
    detected = _detected(inspection, source_url)
    chosen = {keys.FIELD_OF.get(key, key): value for key, value in given.items()}
    if "python_version" in given:
        chosen["python_version_basis"] = "requires-python"
    if "dependency_files" in chosen and "package_manager" not in given:
        chosen["package_manager"] = "pip"
    elif "package_manager" in given and "dependency_files" not in chosen:
        chosen["dependency_files"] = files_for(str(given["package_manager"]), inspection.dependency_files)
    if "django_settings_module" in given and "base_python_package" not in given:
        chosen["base_python_package"] = str(given["django_settings_module"]).split(".")[0]
    if "asgi" in given and "use_asgi" not in given and not (chosen.get("wsgi") or inspection.wsgi):
        chosen["use_asgi"] = True
    return Plan(**(detected | chosen))


def _refuse_unclear(inspection: Inspection, given: dict[str, Value]) -> None:
    named = given.get("django_settings_module")
    if named:
        return
    if not inspection.is_django:
        raise NotDjango(
            f"No Django project was found: {inspection.reason or 'no manage.py, WSGI module or settings'}.",
            "Give the URL of a repository that holds a Django project, or name django_settings_module and "
            "project_root in a zoombuild.cfg.",
        )
    rows = [g for g in inspection.guesses if g.field in ("project_root", "settings_module")]
    # A single candidate that detection cannot read is no question; verification names the line that is wrong.
    choices = len(rows) > len({guess.field for guess in rows})
    if (inspection.ambiguous and choices) or not inspection.settings_module:
        listed = "; ".join(f"{g.field} {g.value} ({g.basis})" for g in rows) or "none was found"
        raise AmbiguousProject(
            f"Several candidates are equally likely: {listed}.",
            "Choose with a zoombuild.cfg: set project_root and django_settings_module in its [project] section.",
        )


def _detected(inspection: Inspection, source_url: str) -> dict[str, Any]:
    module = inspection.settings_module or ""
    name = source_url.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
    manager = inspection.package_manager or "none"
    return {
        "title": re.sub(r"[-_.]+", " ", name).strip().capitalize()[:200] or "Site",
        "source_code_url": source_url,
        "project_root": inspection.project_root or ".",
        "django_settings_module": module,
        "base_python_package": module.split(".")[0],
        "wsgi": inspection.wsgi,
        "asgi": inspection.asgi,
        "use_asgi": inspection.asgi_needed,
        "python_version": inspection.python_version,
        "python_version_basis": inspection.python_version_basis,
        "package_manager": manager,
        "dependency_files": files_for(manager, inspection.dependency_files),
        "additional_python_path_dirs": inspection.python_path_dirs,
        "database_type": "postgresql-gis" if inspection.gis else _SERVED_AS_POSTGRES,
        "required_environment": inspection.env_required,
        "supplied_environment": contract.supplied(inspection.environment),
        "django_version": inspection.django_version,
        "warnings": inspection.warnings,
    }
