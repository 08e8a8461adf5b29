"""What the documentation promises is what the code knows."""

import re
from pathlib import Path

from dz.tasklib.configuration import zoombuild
from dz.tasklib.configuration.keys import KEYS

DOCS = Path(__file__).parents[2]


def test_every_key_of_zoombuild_cfg_is_documented_and_no_other() -> None:
    text = (DOCS / "docs" / "zoombuild.md").read_text()
    named = {key for row in re.findall(r"^\| (`[^|]+) \|", text, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == set(KEYS)


def test_the_example_of_zoombuild_cfg_is_valid() -> None:
    text = (DOCS / "docs" / "zoombuild.md").read_text()
    example = re.search(r"```ini\n(.*?)```", text, re.DOTALL)
    assert example
    values = zoombuild.parse(example[1]).values
    assert values["instances"] == 2
    assert values["required_environment"] == ("STRIPE_KEY",)


def test_every_page_that_is_linked_exists() -> None:
    for page in (DOCS / "README.md", *(DOCS / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_file_that_is_named_exists() -> None:
    pages = [DOCS / "README.md", DOCS / "CONTRIBUTING.md", *(DOCS / "docs").rglob("*.md")]
    for page in pages:
        for named in re.findall(
            r"`((?:dz|flows|tasks|tests|infra|bench|deployments)/[a-z_0-9/]+\.py)`", page.read_text()
        ):
            # A test is where its module needs no service, or where it does.
            elsewhere = named.replace("tests/unit/", "tests/integration/")
            assert (DOCS / named).exists() or (DOCS / elsewhere).exists(), f"{page.name} names {named}"


def test_every_command_of_readme_exists() -> None:
    from dz.cli.main import application  # noqa: PLC0415

    commands = set(re.findall(r"^bin/dz (\w+)", (DOCS / "README.md").read_text(), re.MULTILINE)) - {"test"}
    assert {"try", "up", "deploy", "rollback", "down"} <= commands
    for command in commands:
        assert command in {found.name for found in application(command).registered_commands}
