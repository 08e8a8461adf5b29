"""What is known of Django's releases."""

import pytest

from dz.tasklib.virtualenvs.django_releases import is_made_for, oldest_python, releases


@pytest.mark.parametrize(
    ("constraint", "oldest", "newest"),
    [
        ("==3.2.25", 6, 10),
        ("~=4.2", 8, 12),
        ("^5.1", 10, 14),
        (">=3.2,<4", 6, 10),
        ("~5.2", 10, 14),
        ("==6.0.*", 12, 14),
        ("5.2.19", 10, 14),
    ],
)
def test_a_constraint_says_which_pythons_its_releases_are_made_for(constraint: str, oldest: int, newest: int) -> None:
    assert oldest_python(constraint) == oldest
    assert [minor for minor in range(5, 16) if is_made_for(constraint, minor)] == list(range(oldest, newest + 1))


@pytest.mark.parametrize("constraint", ["==99.0", "==1.4", "@ git+https://example.org/django"])
def test_of_a_release_that_is_not_known_nothing_is_claimed(constraint: str) -> None:
    assert is_made_for(constraint, 14)
    assert oldest_python(constraint) <= 4


def test_without_a_constraint_any_release_will_do() -> None:
    assert releases(None) == releases("") == releases(">=1")
    assert oldest_python(None) == 4


def test_at_a_date_only_what_was_out_is_known() -> None:
    assert releases(None, "2021-04-06T00:00:00Z")[0] == "3.2"
    assert releases(">=2", "2021-04-05T23:59:59Z")[0] == "3.1"
    assert releases(">=4", "2021-04-06T00:00:00Z") == []
