"""Addresses in requirement lines: tokens given by variables, and machines that must not be asked."""

import pytest

from dz.errors import InvalidRequirement, MissingEnvironment, ServiceUnavailable
from dz.tasklib.virtualenvs import addresses
from tests.unit.tasklib.virtualenvs.collecting import lines_of

TOKEN = "pkg @ git+https://${GH_TOKEN}@github.com/acme/pkg.git@v1"
BOTH = "https://${USER_NAME}:${PASS}@packages.example.org/pkg-1-py3-none-any.whl"


def test_a_token_stays_a_name_in_lines_and_is_gone_from_what_the_installer_reads(tmp_path):
    assert set(lines_of(tmp_path, f"{TOKEN}\n{BOTH}\n")) == {TOKEN, BOTH}
    assert addresses.without_credentials(TOKEN) == "pkg @ git+https://github.com/acme/pkg.git@v1"
    assert addresses.without_credentials(BOTH) == "https://packages.example.org/pkg-1-py3-none-any.whl"
    assert addresses.without_credentials("django==5.2 --hash=sha256:00") == "django==5.2 --hash=sha256:00"
    assert addresses.variables_in([TOKEN, "six", BOTH]) == ["GH_TOKEN", "PASS", "USER_NAME"]


def test_the_values_go_into_netrc_for_their_hosts():
    text = addresses.netrc([TOKEN, "six", BOTH], {"GH_TOKEN": "ghp_1", "USER_NAME": "acme", "PASS": "p:4$"})
    assert text == (
        "machine github.com login ghp_1 password x-oauth-basic\nmachine packages.example.org login acme password p:4$\n"
    )


@pytest.mark.parametrize("line", ["p @ https://oauth2:${T}@h.org/p.whl", "p @ git+https://${T}:x-oauth-basic@h.org/p"])
def test_the_usual_spellings_of_a_token_are_read(tmp_path, line):
    assert lines_of(tmp_path, line) == [line]
    assert " t0ken" in addresses.netrc([line], {"T": "t0ken"})


@pytest.mark.parametrize(
    "line", ["p @ https://h.org/${T}/p.whl", "p @ https://ann:s3cret${T}@h.org/p.whl", "p @ https://${T}.h.org/p.whl"]
)
def test_a_variable_elsewhere_and_a_written_password_are_refused(tmp_path, line):
    with pytest.raises(InvalidRequirement, match=r"requirements\.txt:1") as caught:
        lines_of(tmp_path, line)
    assert "s3cret" not in str(caught.value)


def test_a_variable_without_a_value_is_named():
    with pytest.raises(MissingEnvironment, match="GH_TOKEN"):
        addresses.netrc([TOKEN], {"OTHER": "x"})


@pytest.mark.parametrize("value", ["two words", "line\nmachine evil.org", 'quo"te', "", "a#b"])
def test_a_value_that_netrc_cannot_hold_is_refused_without_showing_it(value):
    with pytest.raises(InvalidRequirement, match="GH_TOKEN") as caught:
        addresses.netrc([TOKEN], {"GH_TOKEN": value})
    assert not value or value not in str(caught.value)


def test_two_tokens_for_one_host_are_refused():
    other = TOKEN.replace("GH_TOKEN", "SECOND")
    with pytest.raises(InvalidRequirement, match=r"github\.com"):
        addresses.netrc([TOKEN, other], {"GH_TOKEN": "a1", "SECOND": "b2"})


@pytest.mark.parametrize(
    ("line", "address"),
    [
        ("pkg @ https://10.0.0.5/x.whl", "10.0.0.5"),
        ("pkg @ https://[::1]/x.whl", "::1"),
        ("https://169.254.169.254/latest/x.whl", "169.254.169.254"),
        ("pkg @ HTTPS://10.0.0.1/x.whl", "10.0.0.1"),
        ("pkg @ git+https://intern.example.org/pkg.git@v1", "192.168.0.7"),
        ("pkg @ git+https://${T}@intern.example.org/pkg.git", "fd00::7"),
    ],
)
def test_a_package_at_a_private_address_is_refused_before_anybody_asks_it(line, address):
    with pytest.raises(InvalidRequirement, match="not a public one"):
        addresses.check([line], ["github.com"], lambda host, port: ["140.82.121.3", address])


@pytest.mark.parametrize("line", ["p @ https://*.example.org/p.whl", "p @ https://*/p.whl", "p @ https:///p.whl"])
def test_a_host_that_is_no_name_opens_nothing(line):
    with pytest.raises(InvalidRequirement, match="not the name of a host"):
        addresses.check([line], ["github.com"], lambda host, port: ["140.82.121.3"])


def test_what_the_operator_lists_may_be_anywhere():
    def resolver(host, port):
        return ["10.0.0.5"]

    addresses.check(["p @ https://git.intern:8443/p.whl"], ["https://git.intern:8443"], resolver)
    addresses.check(["p @ git+https://git.intern/p"], ["https://git.intern/"], resolver)
    with pytest.raises(InvalidRequirement):
        addresses.check(["p @ https://git.intern:8444/p.whl"], ["https://git.intern:8443", "git.intern"], resolver)


def test_public_addresses_pass_and_lines_without_any_ask_nobody():
    addresses.check(["p @ https://example.org/p.whl"], [], lambda host, port: ["140.82.121.3"])
    addresses.check(["django==5.2"], [], lambda host, port: pytest.fail("asked"))


def test_a_host_that_does_not_exist_is_named():
    with pytest.raises(ServiceUnavailable, match=r"nowhere\.invalid"):
        addresses.check(["p @ https://nowhere.invalid/p.whl"], [])
