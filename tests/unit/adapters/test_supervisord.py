import configparser
from pathlib import Path

import pytest

from dz.adapters import supervisord
from dz.adapters.supervisord import Supervisord
from dz.errors import CommandFailed, ServiceUnavailable


def test_a_value_is_read_back_as_it_was():
    parser = configparser.ConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(supervisord.interface(Path("/run/100%/s")))
    assert parser["unix_http_server"]["file"] == "/run/100%/s"


@pytest.mark.parametrize("text", ["/a ;b", "/a\nuser=root", "/a\x00"])
def test_what_would_be_read_as_something_else_is_refused(text):
    with pytest.raises(CommandFailed, match="cannot stand in supervisord's configuration"):
        supervisord.value(text)


def test_one_that_does_not_answer_is_named_with_its_log(tmp_path):
    nobody = Supervisord(tmp_path / "s", tmp_path / "supervisord.log")
    assert not nobody.is_running()
    with pytest.raises(ServiceUnavailable) as raised:
        nobody.programs()
    assert raised.value.found == f"supervisord does not answer at {tmp_path}/s."
    assert raised.value.remedy == f"Start it again; {tmp_path}/supervisord.log says why it ended."
