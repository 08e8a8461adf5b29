"""Version constraints, as PEP 440 and as Poetry write them."""

import re

from packaging.specifiers import SpecifierSet

LONGEST = 100
"""Characters of a part that Poetry is asked about: its time grows with the square of them."""

_BUG_FIXES = 40
"""More than any release of a package that is asked about has had bug-fix versions."""


def specifier(part: str) -> str:
    """Return one part of a constraint as PEP 440 writes it; "" where it allows every version.

    Args:
        part: a constraint without commas and alternatives, such as `^1.2`, `~1.2`, `1.2.*`, `1.2`, `>=1.2` or `*`.
            Anything else gives a text that `packaging` refuses.
    """
    text = "".join(part.split())
    if text == "*":
        return ""
    plain = text if text[0] in "<>=!~" else f"=={text}"
    return (_range(text) or text) if _is_poetrys(text) else plain


def python_ranges(text: str) -> tuple[SpecifierSet, ...]:
    """Return the ranges of Python versions that a constraint allows, any of which will do.

    Args:
        text: also with Poetry's `^`, `~` and `||`; a bare `3.11` means every 3.11.

    Raises:
        InvalidSpecifier: it is no constraint.
    """
    alternatives = re.split(r"\|\|?", text)
    return tuple(SpecifierSet(",".join(_of_python(part.strip()) for part in one.split(","))) for one in alternatives)


def _of_python(part: str) -> str:
    match = re.fullmatch(r"([\^~]?)\s*([0-9]+(?:\.[0-9]+)*)(?:\.\*)?", part, re.ASCII)
    if not match:
        return part
    return specifier(match[1] + match[2]) if match[1] else f"=={match[2]}.*"


def _is_poetrys(text: str) -> bool:
    return text.startswith(("^", "~")) and not text.startswith("~=")


def _range(text: str) -> str | None:
    """Return the range of `^1.2` or `~1.2`; None if Poetry cannot read it, or it is longer than any version is."""
    if len(text) > LONGEST:
        return None
    # Few projects need this, and every command would pay 20 ms for the import.
    from poetry.core.constraints.version import parse_constraint  # noqa: PLC0415

    try:
        found = str(parse_constraint(text))
    except ValueError:
        return None
    # The requirement lines of a virtualenv name its content, so `<5` must not also be written `<5.0`.
    return re.sub(r"(\.0)+$", "", found)


def touches(allowed: SpecifierSet, release: str) -> bool:
    """Say whether any bug-fix version of a release, such as 5.2, satisfies a specifier."""
    return any(allowed.contains(f"{release}.{micro}", prereleases=True) for micro in range(_BUG_FIXES))
