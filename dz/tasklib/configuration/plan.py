"""The plan of a build: the answer to every question about how a project is built and run."""

import dataclasses
from dataclasses import dataclass
from typing import Any

SERVED_AS_POSTGRES = "postgresql"


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
    database_type: str = SERVED_AS_POSTGRES
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
        """Return the plan that `to_json` stored, perhaps in an earlier release of DjangoZoom."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: _frozen(value) for name, value in data.items() if name in known})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
