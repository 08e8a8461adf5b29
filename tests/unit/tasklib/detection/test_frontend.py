"""Whether a deploy of the Django project lacks assets without Node."""

import json
from pathlib import Path

import pytest

from dz.tasklib.detection import inspect

LINK = "<link rel='stylesheet' href='{% static \"css/site.css\" %}'>"
SETTINGS = "INSTALLED_APPS = []\nROOT_URLCONF = 'site1.urls'\nSECRET_KEY = 'x'\n"


def project(tree: Path, files: dict[str, str], settings: str = "") -> bool:
    manage = "from django.core.management import execute_from_command_line\n"
    whole = {"manage.py": manage, "site1/__init__.py": "", "site1/settings.py": SETTINGS + settings, **files}
    for path, text in whole.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    return inspect(tree).needs_node_build


def package(script: str = "vite build", **others: object) -> str:
    return json.dumps({"scripts": {"build": script}, "devDependencies": {"vite": "6"}, **others})


@pytest.mark.parametrize(
    ("files", "settings"),
    [
        pytest.param({"package.json": package()}, "", id="at the root"),
        pytest.param(
            {"package.json": json.dumps({"devDependencies": {"sass": "1"}}), "site1/static/scss/site.scss": "a {}"},
            "",
            id="style sheets that are not compiled",
        ),
        pytest.param({"theme/static_src/package.json": package(), "theme/apps.py": ""}, "", id="in an app"),
        pytest.param({"web/package.json": package()}, "STATICFILES_DIRS = ['/web/dist']", id="in the settings"),
        pytest.param(
            {
                "web/package.json": package(),
                "web/vite.config.js": "export default {build: {outDir: '../site1/static'}}",
            },
            "",
            id="written into the project",
        ),
        pytest.param(
            {
                "web/package.json": package(),
                "Dockerfile": "FROM node\nCOPY web .\nRUN npm run build\nFROM python:3.12\n",
            },
            "",
            id="built in the image",
        ),
        pytest.param(
            {"tailwind.config.js": "", ".gitignore": "/static/css/*.css\n", "templates/base.html": LINK},
            "",
            id="a style sheet that git leaves out",
        ),
        pytest.param(
            {
                "package.json": json.dumps({"devDependencies": {"tailwindcss": "4"}}),
                ".gitignore": "dist/\n",
                "site1/templates/base.html": "<script src='/static/dist/site.js'></script>",
            },
            "",
            id="a script that git leaves out",
        ),
        pytest.param(
            {"package.json": json.dumps({"dependencies": {"bootstrap": "5"}})},
            "STATICFILES_DIRS = ['/node_modules']",
            id="packages that are served",
        ),
    ],
)
def test_node_is_needed_for_what_django_serves(tmp_path: Path, files: dict[str, str], settings: str) -> None:
    assert project(tmp_path, files, settings)


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"web/package.json": package()}, id="deployed by itself"),
        pytest.param(
            {
                "tailwind.config.js": "",
                ".gitignore": "*.css\n",
                "templates/base.html": LINK,
                "static/css/site.css": "",
            },
            id="a style sheet that was added all the same",
        ),
        pytest.param(
            {"tailwind.config.js": "", ".gitignore": "media/\n", "templates/base.html": LINK},
            id="a style sheet that is missing for another reason",
        ),
        pytest.param({"package.json": json.dumps({"devDependencies": {"eslint": "9"}})}, id="linters"),
        pytest.param(
            {
                "package.json": package("sass in/a.scss:site1/static/a.css", devDependencies={"sass": "1"}),
                "site1/static/a.css": "a {}",
            },
            id="output committed",
        ),
        pytest.param(
            {"package.json": package("gulp build"), "site1/sass/a.scss": "", "site1/css/a.css": ""}, id="gulp committed"
        ),
        pytest.param({"package.json": json.dumps({"dependencies": {"bootstrap": "5"}})}, id="packages only named"),
        pytest.param({"package.json": package("npm i && gulp")}, id="tasks of gulp that are not there"),
        pytest.param({"package.json": '{"scripts": 3, "dependencies": []}'}, id="nonsense"),
        pytest.param({"package.json": "{broken"}, id="broken"),
    ],
)
def test_node_is_not_needed(tmp_path: Path, files: dict[str, str]) -> None:
    assert not project(tmp_path, files)
