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
    worker_class: str = "gthread"
    threads: int = 4
    memory_mb: int | None = None
    timeout: int = 60
    max_requests: int = 0
    max_requests_jitter: int = 0
    limit_request_line: int = 8190
    limit_request_fields: int = 100
    limit_request_field_size: int = 8190
    request_body_mb: int = 100
    streams: bool = False
    preload: bool = True
    health_path: str = "/"
    hooks: tuple[str, ...] = ("migrate",)
    collectstatic: bool = True
    copy_data: bool = False
    required_variables: tuple[str, ...] = ()
    platform_variables: tuple[tuple[str, str], ...] = ()
    build_variables: tuple[tuple[str, str], ...] = ()
    django_version: str | None = None
    python_version_place: str = ""
    python_preference: str | None = None
    python_preference_place: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def web_process(self) -> str:
        """What serves the site, in a few words."""
        kind = "ASGI" if self.use_asgi else f"{self.threads} threads ({self.worker_class})"
        limit = f"{self.timeout} s" if self.timeout else "no limit"
        return f"{self.processes} processes, {kind}, time limit {limit}, bodies up to {self.request_body_mb} MB"

    def to_json(self) -> dict[str, Any]:
        """Return the plan as JSON values, under the keys that manifests and bundles hold."""
        return {_STORED_AS.get(name, name): value for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Plan":
        """Return the plan that `to_json` gave, perhaps in an earlier release of DjangoZoom."""
        fields = {_STORED_AS.get(field.name, field.name): field.name for field in dataclasses.fields(cls)}
        return cls(**{fields[key]: _frozen(value) for key, value in data.items() if key in fields})


_STORED_AS = {
    "required_variables": "required_environment",
    "platform_variables": "supplied_environment",
    "build_variables": "build_environment",
}
"""Keys of stored plans that have another name than their field."""


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list | tuple) else value
