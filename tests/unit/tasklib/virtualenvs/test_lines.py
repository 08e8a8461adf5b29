"""Single lines of requirements files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dz.errors import InvalidRequirement
from dz.tasklib.virtualenvs.lines import (
    MAX_FILE,
    bad_line,
    decoded,
    in_repository,
    is_path,
    logical_lines,
    package_name,
)
from tests.unit.tasklib.virtualenvs.collecting import collect, lines_of


def test_comments_blank_lines_and_continued_lines(tmp_path):
    assert lines_of(tmp_path, "# all\n\nDjango==4.2 \\\n  --hash=sha256:00\nsix # small\n") == [
        "Django==4.2 --hash=sha256:00",
        "six",
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_any_encoding_is_read(tmp_path, encoding):
    (tmp_path / "requirements.txt").write_bytes("# Bücher\r\nDjango==4.2\r\n".encode(encoding))
    assert collect(tmp_path).lines == ["Django==4.2"]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("-e git+https://example.org/a.git@v1#egg=a", "a@ git+https://example.org/a.git@v1"),
        (
            "git+https://example.org/a.git@v1#egg=a&subdirectory=lib",
            "a@ git+https://example.org/a.git@v1#subdirectory=lib",
        ),
        ("https://example.org/a-1-py3-none-any.whl", "https://example.org/a-1-py3-none-any.whl"),
        ("a @ https://example.org/a-1.tar.gz", "a@ https://example.org/a-1.tar.gz"),
    ],
)
def test_https_addresses_are_kept(tmp_path, line, wanted):
    (found,) = lines_of(tmp_path, line + "\n")
    assert found.replace(" @", "@") == wanted


@pytest.mark.parametrize(
    "line",
    [
        "git+ssh://git@example.org/a.git#egg=a",
        "git+git://example.org/a#egg=a",
        "hg+https://example.org/a#egg=a",
        "a @ file:///etc/passwd",
        "a @ https://user:s3cret@example.org/a.whl",
        "git+https://s3cret@example.org/a.git",
        "git@example.org:a/s3cret.git",
        "a @ http://example.org/a.whl",
    ],
)
def test_other_addresses_are_refused_without_their_secrets(tmp_path, line):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1") as caught:
        lines_of(tmp_path, line + "\n")
    assert "s3cret" not in str(caught.value)


def test_an_invalid_line_is_named(tmp_path):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:2: 'Django = 4'"):
        lines_of(tmp_path, "six\nDjango = 4\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\n\n  b  # c\n#d\n", [(1, "a"), (3, "b")]),
        ("a \\\n  b \\\n# c\nd", [(1, "a  b"), (4, "d")]),
        ("a \\", [(1, "a")]),
        ("a#b\n", [(1, "a#b")]),
        ("a\r\nb\r", [(1, "a"), (2, "b")]),
    ],
)
def test_a_line_keeps_the_number_where_it_begins(text: str, found: list[tuple[int, str]]) -> None:
    assert list(logical_lines(text)) == found


@given(st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=20), max_size=5))
def test_no_line_is_lost_or_made_up(lines: list[str]) -> None:
    plain = [line for line in lines if "#" not in line and not line.rstrip().endswith("\\")]
    assert [line for _, line in logical_lines("\n".join(plain))] == [line.strip() for line in plain if line.strip()]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (".", True),
        ("./lib[extra]", True),
        ("file:///lib", True),
        ("libs/tool", True),
        ("libs/gone", False),
        ("django", False),
        ("git+https://example.org/libs/tool", False),
        ("a @ libs/tool", False),
        ("libs/\0", False),
    ],
)
def test_a_folder_is_told_from_a_package(tmp_path: Path, body: str, *, expected: bool) -> None:
    (tmp_path / "libs" / "tool").mkdir(parents=True)
    assert is_path(body, tmp_path) == expected


def test_a_file_that_is_too_large_for_a_list_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt is larger than 1000000 bytes"):
        decoded(tmp_path / "requirements.txt", "requirements.txt")


def test_a_line_is_shown_without_its_password_and_cut() -> None:
    error = bad_line("r.txt:1", "a @ https://me:s3cret@example.org/" + "x" * 300, "it is odd", "Mend it.")
    assert "s3cret" not in error.found
    assert error.found.startswith("r.txt:1: 'a @ https://***@example.org/xxx")
    assert len(error.found) < 200


@pytest.mark.parametrize(
    "path",
    [
        "/home/conda/feedstock_root/build_artifacts/asgiref_1733215607532/work",
        "/croot/asgiref_1734704156834/work",
        "/tmp/build/80754af9/asgiref_1605055780383/work",
        "/C:/ci/asgiref_1605055780383/work",
        "/C:/b/abs_f3n/croot/asgiref_1605055780383/work/",
        "/opt/concourse/worker/volumes/live/0b/volume/asgiref_1605055/work",
        "C:/ci_311/asgiref",
    ],
)
def test_a_package_whose_build_folder_conda_wrote_comes_from_the_index_with_a_warning(tmp_path, path):
    (tmp_path / "requirements.txt").write_text(f"Django\nasgiref @ file://{path}\n")
    found = collect(tmp_path)
    assert set(found.lines) == {"Django", "asgiref"}
    assert found.warnings == [
        "requirements.txt:2: conda wrote where it built asgiref; the package of that name was taken from the index."
    ]


def test_extras_and_markers_of_a_conda_line_count(tmp_path):
    text = "uvicorn[standard] @ file:///croot/uvicorn_1/work ; python_version > '3'\nsix @ file:///croot/six ; python_version < '3'\n"
    assert lines_of(tmp_path, text) == ["uvicorn[standard]"]


@pytest.mark.parametrize(
    "path", ["/home/ann/projects/pricing", "/C:/Users/ann/pricing", "//localhost/home/ann/pricing"]
)
def test_a_path_of_somebodys_machine_is_named_as_such_and_nothing_comes_from_an_index_instead(tmp_path, path):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1.*machine where `pip freeze` ran") as caught:
        lines_of(tmp_path, f"pricing @ file:{path}\n")
    assert "pricing" in caught.value.remedy


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("file:libs/x", "./libs/x"),
        ("-e file:./libs/x[a, b] ; python_version < '3'", "-e ./libs/x[a,b] ; python_version < '3'"),
        ("-e file:///${PROJECT_ROOT}/sub#egg=sub", "-e ./sub"),
        (
            "sub[a] @ file:///${PROJECT_ROOT}/my%20sub ; sys_platform == 'linux'",
            "./my sub[a] ; sys_platform == 'linux'",
        ),
        ("tax @ {root:uri}/libs/tax", "./libs/tax"),
        ("tax @ ../tax", "../tax"),
        ("tax @ file:../tax#subdirectory=py", "../tax/py"),
        ("--editable=./libs/x#egg=x&subdirectory=py/", "-e ./libs/x/py"),
        (".[prod]", ".[prod]"),
        ("-e .", "-e ."),
        ("tax @ file:///home/ann/tax", "tax @ file:///home/ann/tax"),
        ("tax @ file://localhost/home/ann/tax", "tax @ file://localhost/home/ann/tax"),
        ("tax @ file:C:/tax", "tax @ file:C:/tax"),
        ("tax @ https://example.org/tax.whl", "tax @ https://example.org/tax.whl"),
        ("-e git+https://example.org/tax.git#egg=tax", "-e git+https://example.org/tax.git#egg=tax"),
        ("django>=5", "django>=5"),
    ],
)
def test_an_address_of_a_place_in_the_repository_is_its_path(line: str, wanted: str) -> None:
    assert in_repository(line) == wanted


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My Django Site", "my-django-site"),
        ("a_b.C", "a-b-c"),
        ("{{ cookiecutter.x }}", "cookiecutter-x"),
        ("a\n-r /etc/hostname\nb", "a-r-etc-hostname-b"),
        ("-_-", ""),
        ("", ""),
        (None, ""),
        (["a"], ""),
    ],
)
def test_any_text_makes_a_name_that_can_stand_in_a_line(text, name):
    assert package_name(text) == name


@pytest.mark.parametrize("port", ["abc", "99999"])
def test_a_port_that_is_none_is_refused_as_an_address(tmp_path, port):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1"):
        lines_of(tmp_path, f"foo @ https://example.com:{port}/x.whl\n")
