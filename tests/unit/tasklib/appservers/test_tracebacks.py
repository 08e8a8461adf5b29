"""Why a site does not work, as its log says."""

from pathlib import Path

from dz.tasklib.appservers import tracebacks

SOURCE = Path("/srv/bundles/p1/b1/src")
START_UP = """[2026-11-26 21:00:00 +0000] [17] [INFO] Starting gunicorn 23.0.0
[2026-11-26 21:00:00 +0000] [17] [INFO] Listening at: http://127.0.0.1:23900 (17)
"""
LOOKUP = f"""Internal Server Error: /
Traceback (most recent call last):
  File "/srv/envs/1/lib/python3.12/site-packages/django/core/handlers/base.py", line 197, in _get_response
    response = wrapped_callback(request, *callback_args, **callback_kwargs)
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "{SOURCE}/shop/views.py", line 12, in home
    return price(request)
  File "{SOURCE}/shop/prices.py", line 3, in price
    raise LookupError("no such price")
LookupError: no such price
"""


def test_the_projects_own_line_that_is_nearest_comes_first() -> None:
    found = tracebacks.last(START_UP + LOOKUP + "bye\n", [SOURCE])
    assert found is not None
    assert found.headline == "shop/prices.py:3: LookupError: no such price."
    assert found.text.splitlines()[0] == "Traceback (most recent call last):"
    assert found.text.splitlines()[-1] == "LookupError: no such price"


def test_a_library_that_raises_in_its_own_name_does_not_hide_the_projects_line() -> None:
    log = (
        LOOKUP
        + "\nThe above exception was the direct cause of the following exception:\n\n"
        + 'Traceback (most recent call last):\n  File "/x/site-packages/lib/a.py", line 1, in f\n    raise\nlib.Error: sorry\n'
    )
    found = tracebacks.last(log, [SOURCE])
    assert found is not None
    assert found.headline == "shop/prices.py:3: Error: sorry."
    assert "LookupError" in found.text


def test_the_last_of_several_counts_and_an_earlier_one_lends_it_no_line() -> None:
    other = 'Traceback (most recent call last):\n  File "/x/site-packages/lib/a.py", line 1, in f\n    raise\nOSError\n'
    found = tracebacks.last(LOOKUP + other, [SOURCE])
    assert found is not None
    assert (found.headline, found.kind, found.place) == ("OSError.", "OSError", "")


def test_a_long_traceback_is_shown_from_its_end() -> None:
    frames = "".join(f'  File "/x/site-packages/lib/a.py", line {number}, in f\n    f()\n' for number in range(900))
    found = tracebacks.last(f"Traceback (most recent call last):\n{frames}RecursionError: too deep\n", [SOURCE])
    assert found is not None
    assert len(found.text.splitlines()) == tracebacks.SHOWN_LINES
    assert found.text.splitlines()[0] == "..."


def test_a_log_without_an_exception_or_with_half_a_traceback_has_none() -> None:
    assert tracebacks.last(START_UP, [SOURCE]) is None
    assert tracebacks.last('Traceback (most recent call last):\n  File "/x/a.py", line 1, in f\n', [SOURCE]) is None


def test_what_gunicorn_says_while_it_starts_is_left_out() -> None:
    lines = [*START_UP.splitlines(), "[2026-11-26 21:00:01 +0000] [18] [ERROR] Worker (pid:9) was sent SIGKILL!"]
    assert tracebacks.without_start_up(lines) == lines[-1:]
