"""Single lines of requirements files."""

import pytest

from dz.errors import InvalidRequirement
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
