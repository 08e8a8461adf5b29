"""What detection says, as JSON."""

import json

from dz.tasklib.detection import Guess, Inspection, Risk, Variable


def test_an_inspection_is_json_with_all_that_it_holds() -> None:
    found = Inspection(
        is_django=True,
        environment=(Variable("A", "s.py:1"),),
        risks=(Risk("sqlite", "a file", "s.py:1", "Moved.", safe=True),),
        guesses=(Guess("wsgi", "a.wsgi:application", "a/wsgi.py:3"),),
    )
    told = json.loads(json.dumps(found.to_json()))
    assert told["environment"] == [found.environment[0].to_json()]
    assert told["risks"] == [found.risks[0].to_json()]
    assert told["guesses"][0]["basis"] == "a/wsgi.py:3"
