"""The configuration of a site as text, and what never gets into it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dz.errors import DzError, InvalidConfig, InvalidName, NoAppserver, ProxyRefused
from dz.tasklib.proxies.config import SiteConfig, Upstream, Vhost, render

LAYER = "ab" * 32
HOST = Vhost(
    name="polls.example.org",
    site_port=22001,
    project="polls",
    version=3,
    upstreams=(Upstream("10.0.0.4", 21000), Upstream("10.0.0.5", 21001)),
    static_sha256=LAYER,
    static_map=(("/static/", "static"), ("/media", "map/0")),
    silence=305,
    body_mb=250,
)
WHOLE = """\
upstream p00000001-v3 {
    server 10.0.0.4:21000 max_fails=2 fail_timeout=5s;
    server 10.0.0.5:21001 max_fails=2 fail_timeout=5s;
}
map $host $dz_known_p00000001 {
    default "";
    127.0.0.1 1;
    localhost 1;
    polls.example.org 1;
}
server {
    include listen.conf;
    listen 127.0.0.1:22001 default_server;
    if ($dz_known_p00000001 = "") {
        return 421;
    }
    server_name polls.example.org;
    set $dz_site p00000001;
    add_header X-DjangoZoom "polls v3" always;
    client_max_body_size 250m;
    proxy_read_timeout 305s;
    proxy_send_timeout 305s;
    error_page 502 504 @unavailable;
    error_page 418 = @stream;

    location ^~ /media/ {
        alias /srv/static/LAYER/map/0/;
        disable_symlinks on from=/srv/static/LAYER;
        expires $dz_expires;
        error_page 404 = @app;
    }

    location ^~ /static/ {
        alias /srv/static/LAYER/static/;
        disable_symlinks on from=/srv/static/LAYER;
        expires $dz_expires;
        error_page 404 = @app;
    }

    location / {
        if ($dz_stream) {
            return 418;
        }
        proxy_pass http://p00000001-v3;
    }
    location @stream {
        proxy_buffering off;
        proxy_read_timeout 1h;
        proxy_send_timeout 1h;
        proxy_pass http://p00000001-v3;
    }
    location @app {
        proxy_pass http://p00000001-v3;
    }
    location @unavailable {
        default_type text/html;
        return 502 "<!doctype html><title>Unavailable</title><p>This site does not answer at the moment. Please try again.";
    }
}
""".replace("LAYER", LAYER)


def text_of(*hosts: Vhost, folder: str = "/srv/static") -> str:
    return render(SiteConfig("p00000001", hosts), statics={LAYER: Path(folder) / LAYER})


def structure(text: str) -> list[str]:
    """The words of a configuration as nginx splits them, without the values that may differ."""
    tokens = re.findall(r'"[^"]*"|[{};]|[^\s{};"]+', text)
    after, before = [*tokens[1:], ""], ["", *tokens]
    free = [a == "1" or b in {"server_name", "^~"} for a, b in zip(after, before, strict=False)]
    return ["?" if any_word else word for word, any_word in zip(tokens, free, strict=True)]


def test_a_whole_site():
    assert text_of(HOST) == WHOLE


def test_a_version_with_its_own_host_has_its_own_upstream():
    text = text_of(HOST, replace(HOST, name="old.example.org", version=1, site_port=None))
    assert text.count("upstream p00000001-v") == 2
    assert text.count("listen 127.0.0.1") == 1


@given(st.text(max_size=40) | st.from_regex(r"[a-z0-9.;{}$\n \"'-]{1,40}", fullmatch=True))
@example("a.example.org; return 200 x")
@example("a.example.org\n}\nserver { listen 1;")
@example("~^.*$")
@example("*.example.org")
@settings(max_examples=300, deadline=None)
def test_no_host_name_changes_the_structure(name):
    try:
        text = text_of(replace(HOST, name=name))
    except (InvalidName, ProxyRefused):
        return
    assert structure(text) == structure(WHOLE)


@given(st.text(max_size=30).filter(lambda text: text.strip("/") not in {"static", "media"}))
@example("/a/../b/")
@example("/")
@example("/x/ { return 200; } location /y")
@settings(max_examples=200, deadline=None)
def test_no_url_path_changes_the_structure(path):
    try:
        text = text_of(replace(HOST, static_map=((path, "static"),)))
    except InvalidConfig:
        return
    assert structure(text) == structure(text_of(replace(HOST, static_map=(("/static/", "static"),))))
    assert not re.search(r"(^|[/ ])\.\.([/; ]|$)", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"upstreams": ()}, NoAppserver),
        ({"upstreams": (Upstream("10.0.0.4; x", 1),)}, ProxyRefused),
        ({"project": 'polls"; x'}, ProxyRefused),
        ({"static_map": (("/static/", "../../etc"),)}, InvalidConfig),
        ({"static_map": (("/static/", "/etc"),)}, InvalidConfig),
        ({"static_map": (("/", "static"),)}, InvalidConfig),
    ],
)
def test_what_cannot_be_shown_is_refused(change, error):
    with pytest.raises(error):
        text_of(replace(HOST, **change))


def test_a_folder_that_nginx_would_read_as_syntax_is_refused():
    with pytest.raises(ProxyRefused, match="my files"):
        text_of(HOST, folder="/srv/my files")


def test_a_site_without_hosts_or_with_a_foreign_name_is_refused():
    for site in (SiteConfig("p00000001", ()), SiteConfig("../nginx", (HOST,))):
        with pytest.raises(DzError):
            render(site, statics={})
