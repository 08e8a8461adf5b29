import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError

from dz.adapters import templating
from dz.errors import ProxyRefused

MAIN = {
    "user": "nobody",
    "group": "nogroup",
    "workers": 2,
    "port": 8080,
    "status_port": 8081,
    "addresses": ["127.0.0.1", "[::1]"],
    "trusted_proxies": ["10.0.0.0/8"],
    "overwritten": ["X-Host"],
    "of_caches": [("True-Client-IP", "true_client_ip")],
    "site_connections": 1000,
    "visitor_connections": 200,
    "visitor_requests": 200,
    "visitor_burst": 1000,
}
# What separates words or begins something in nginx's configuration.
SYNTAX = set(" \t\r\n;{}\"'#$\\~()*")


@given(st.text(max_size=20) | st.from_regex(r"[a-z0-9./:-]{1,10}", fullmatch=True))
def test_a_value_is_one_plain_word_or_refused(text: str) -> None:
    try:
        word = templating.checked(text)
    except ProxyRefused:
        assert (
            not text or not text.isascii() or set(text) - set("abcdefghijklmnopqrstuvwxyz/:._[]-") - set("0123456789")
        )
        return
    assert word == text
    assert word.isascii()
    assert not set(word) & SYNTAX


@pytest.mark.parametrize("text", ["a b", "a;", "{", "$host", "a\n", "ä", ""])
def test_what_nginx_could_read_as_syntax_is_refused_and_named(text: str) -> None:
    with pytest.raises(ProxyRefused, match="cannot be written into the configuration of nginx; nothing was changed"):
        templating.checked(text)


def test_every_value_of_a_template_is_checked() -> None:
    assert "listen 127.0.0.1:8081" in templating.render("nginx.conf.j2", **MAIN)
    for name, value in MAIN.items():
        with pytest.raises(ProxyRefused):
            templating.render("nginx.conf.j2", **{**MAIN, name: _evil(value)})


def _evil(value: object) -> object:
    """Return a value with something in it that nginx would take for syntax."""
    if isinstance(value, list | tuple):
        return type(value)(_evil(one) for one in value)
    return f"{value}; evil"


def test_a_value_that_was_forgotten_is_an_error_and_no_empty_word() -> None:
    with pytest.raises(UndefinedError):
        templating.render("nginx.conf.j2", **{name: value for name, value in MAIN.items() if name != "port"})
