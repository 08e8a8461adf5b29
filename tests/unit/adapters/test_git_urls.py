import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dz.adapters import git_urls
from dz.errors import InvalidRef, InvalidRepoUrl
from dz.names import git_ref

ALLOWED = ["github.com", "git://127.0.0.1:9418", "http://10.0.0.5:8080", "https://git.inside:8443"]
PUBLIC = ["140.82.121.3", "2606:50c0:8000::153"]


def resolve(host, port):
    return PUBLIC


REFUSED = [
    "",
    " https://github.com/a/b",
    "https://github.com/a/b\n",
    "https://github.com/a b",
    "-uhttps://github.com/a/b",
    "--upload-pack=touch /tmp/x",
    "ext::sh -c id",
    "ext::sh%20-c%20id",
    "fd::17/x",
    "file:///srv/x.git",
    "FILE:///srv/x.git",
    "/etc",
    "../x",
    "./x",
    "~/x",
    "C:\\repo",
    "git@github.com:a/b.git",
    "ssh://git@github.com/a/b",
    "ssh://-oProxyCommand=id/a",
    "ftp://github.com/a/b",
    "git+ssh://github.com/a/b",
    "https://t0k3n-s3cret@github.com/a/b",
    "https://user:s3cret@github.com/a/b",
    "git://s3cret@127.0.0.1:9418/a",
    "http://github.com/a/b",
    "git://github.com/a/b",
    "https://github.com:8443/a/b",
    "https://github.com:99999/a/b",
    "https://github.com:x/a/b",
    "https://github.com/",
    "https://github.com",
    "https://github.com/a/../b",
    "https://github.com/a//b",
    "https://github.com/-a/b",
    "https://github.com/a/b?x=1",
    "https://github.com/a/b#x",
    "https://github.com/a/b%00",
    "https://github.com./a/b",
    "https://github.com\\@127.0.0.1/a",
    "https://gıthub.com/a/b",
    "https://evil.example/a/b",
    "https://127.0.0.1/a/b",
    "https://2130706433/a/b",
    "https://0x7f000001/a/b",
    "https://0177.0.0.1/a/b",
    "https://127.1/a/b",
    "https://[::1]/a/b",
    "https://[::ffff:127.0.0.1]/a/b",
    "https://[::1/a/b",
    "https://localhost/a/b",
    "https://169.254.169.254/latest/meta-data",
    "git://127.0.0.1:9419/a",
    "http://127.0.0.1:9418/a",
    "git://127.0.0.1/a",
    "git://localhost:9418/a",
    "git://0x7f.1:9418/a",
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_forbidden_spelling_is_refused_without_looking_it_up_or_repeating_a_secret(url):
    def never(host, port):
        raise AssertionError(f"{host} was looked up")

    with pytest.raises(InvalidRepoUrl) as caught:
        git_urls.check(url, ALLOWED, never)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "scheme"),
    [
        ("git://127.0.0.1:9418/polls", "git"),
        ("http://10.0.0.5:8080/a/b.git", "http"),
        ("https://git.inside:8443/a", "https"),
    ],
)
def test_a_source_that_stands_on_the_list_is_accepted_as_it_is(url, scheme):
    assert git_urls.check(url, ALLOWED, resolve) == git_urls.Source(url, scheme, None)


@pytest.mark.parametrize(
    "url", ["https://github.com/a/b.git", "https://github.com:443/a/b", "https://GitHub.com/~a/b_c.d+e/"]
)
def test_a_public_host_is_pinned_to_the_addresses_that_were_checked(url):
    assert git_urls.check(url, ALLOWED, resolve).pin == "github.com:443:140.82.121.3,[2606:50c0:8000::153]"


PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "fe80::1%eth0", "127.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_one_private_address_among_public_ones_refuses_the_host(address):
    with pytest.raises(InvalidRepoUrl, match="not a public one"):
        git_urls.check("https://github.com/a/b", ALLOWED, lambda host, port: [*PUBLIC, address])


@pytest.mark.parametrize(
    "url",
    [
        "hg+https://example.org/a",
        "hg:https://x/a",
        "https://hg.mozilla.org/a",
        "ssh://hg@bitbucket.org/a/b",
        "hg::https://x/y",
    ],
)
def test_a_mercurial_address_has_its_own_message(url):
    with pytest.raises(InvalidRepoUrl, match="Mercurial"):
        git_urls.check(url, ALLOWED, resolve)


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=60), st.from_regex(r"(https|git|http|ext|file):(//|:)[!-~]{0,40}", fullmatch=True)))
def test_any_text_is_refused_or_names_an_allowed_source(url):
    try:
        source = git_urls.check(url, ALLOWED, resolve)
    except InvalidRepoUrl:
        return
    assert source.url.lower().startswith(("https://github.com/", "https://github.com:443/")) or source.url.startswith(
        tuple(f"{entry}/" for entry in ALLOWED[1:])
    )


@pytest.mark.parametrize("ref", ["--config=core.x=y", "-u", "a..b", "a@{1}", "a:b", "a\nb", "", "a//b", "x.lock", "+x"])
def test_a_ref_that_could_be_an_option_or_expression_is_refused(ref):
    with pytest.raises(InvalidRef):
        git_ref(ref)
