"""The variables behind names and entries."""

from dz.tasklib.detection.reader.origins import Origins


def test_a_later_assignment_replaces_an_earlier_one() -> None:
    origins, scope = Origins(), {}
    origins.note(scope, "A", {"ONE"})
    origins.note(scope, "A", {"TWO", "THREE"})
    assert origins.of(scope, "A") == {"TWO", "THREE"}
    origins.note(scope, "A", set())
    assert origins.of(scope, "A") == set()


def test_equal_dicts_are_told_apart() -> None:
    origins, one, two = Origins(), {"A": 1}, {"A": 1}
    origins.note(one, "A", {"ONE"})
    assert origins.of(two, "A") == set()


def test_a_dict_that_is_dropped_gives_its_identity_to_no_other() -> None:
    origins = Origins()
    for number in range(100):
        origins.note({"A": number}, "A", {"ONE"})
        assert origins.of({"A": number}, "A") == set()


def test_names_that_are_taken_over_bring_their_variables() -> None:
    origins, base, scope = Origins(), {}, {}
    origins.note(base, "A", {"ONE"})
    origins.note(scope, "B", {"TWO"})
    origins.inherit(scope, base, ["A", "B"])
    assert origins.of(scope, "A") == {"ONE"}
    assert origins.of(scope, "B") == set()


def test_what_is_forgotten_has_no_variables() -> None:
    origins, scope = Origins(), {}
    origins.note(scope, "A", {"ONE"})
    origins.forget(scope)
    assert origins.of(scope, "A") == set()
    origins.forget(scope)
