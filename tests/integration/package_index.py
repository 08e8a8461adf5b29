"""A package index of the tests' own, which says when its files were uploaded (PEP 700), or does not."""

import contextlib
import http.server
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class PackageIndex:
    """Its files, by package and name: content and the time of its upload; `dates` can be turned off.

    Args:
        asked: the paths that were asked for.
    """

    files: dict[str, dict[str, tuple[bytes, str]]] = field(default_factory=dict)
    dates: bool = True
    url: str = ""
    asked: list[str] = field(default_factory=list)

    def wheel(self, name: str, version: str, day: str, modules: Mapping[str, str] | None = None) -> None:
        """Offer a wheel with these modules."""
        module = name.replace("-", "_")
        about = f"{module}-{version}.dist-info"
        content = {f"{path}.py": text for path, text in (modules or {module: ""}).items()}
        content[f"{about}/METADATA"] = (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nProvides-Extra: binary\n"
        )
        content[f"{about}/WHEEL"] = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        content[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"])
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for path, text in content.items():
                archive.writestr(path, text)
        file = f"{module}-{version}-py3-none-any.whl"
        self.files.setdefault(name, {})[file] = (stream.getvalue(), f"{day}T12:00:00Z")

    def broken_source(self, name: str, version: str, day: str) -> None:
        """Offer a source package that does not build."""
        project = '[build-system]\nrequires = []\nbuild-backend = "broken"\nbackend-path = ["."]\n'
        content = {
            "pyproject.toml": project,
            "broken.py": 'raise SystemExit("needs a compiler")\n',
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        }
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as archive:
            for path, text in content.items():
                info = tarfile.TarInfo(f"{name}-{version}/{path}")
                info.size = len(text)
                archive.addfile(info, io.BytesIO(text.encode()))
        self.files.setdefault(name, {})[f"{name}-{version}.tar.gz"] = (stream.getvalue(), f"{day}T12:00:00Z")

    def answer(self, path: str) -> tuple[bytes, str] | None:
        """Return the content and the type of a page or a file."""
        self.asked.append(path)
        kind, _, rest = path.strip("/").partition("/")
        if kind == "files":
            name, _, file = rest.partition("/")
            return self.files[name][file][0], "application/octet-stream"
        if rest not in self.files:
            return None
        listed = [
            {
                "filename": file,
                "url": f"/files/{rest}/{file}",
                "hashes": {},
                **({"upload-time": time} if self.dates else {}),
            }
            for file, (_, time) in self.files[rest].items()
        ]
        page = {"meta": {"api-version": "1.1"}, "name": rest, "versions": [], "files": listed}
        return json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json"


@contextlib.contextmanager
def running_index() -> Iterator[PackageIndex]:
    """Yield an empty index that answers at its `url`."""
    index = PackageIndex()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = index.answer(self.path)
            content, kind = found or (b"", "text/plain")
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}/simple"
    yield index
    server.shutdown()
    thread.join()
    server.server_close()
