import pytest

from dz.errors import HostTaken, InvalidName
from dz.tasklib.proxies import hosts

OWN = "shop.sites.example.org"


@pytest.mark.parametrize("name", ["www.example.com", "www.shop.sites.example.org", "sites.example.org"])
def test_names_elsewhere_and_below_the_projects_own_are_not_the_platforms(name):
    hosts.refuse_platform_name(name, domain="sites.example.org", own=OWN)


@pytest.mark.parametrize("name", ["blog.sites.example.org", "BLOG.Sites.Example.Org", "workshop.sites.example.org"])
def test_another_name_below_the_platforms_domain_is_refused(name):
    with pytest.raises(HostTaken) as raised:
        hosts.refuse_platform_name(name, domain="sites.example.org", own=OWN)
    assert raised.value.found == f"The host name {name.lower()} belongs to the platform."
    assert raised.value.remedy == f"Choose one of your own domain, or one that ends in .{OWN}."


def test_what_is_no_host_name_is_said_to_be_none():
    with pytest.raises(InvalidName):
        hosts.refuse_platform_name("no host", domain="sites.example.org", own=OWN)
