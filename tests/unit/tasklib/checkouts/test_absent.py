"""What a checkout lacks is named where it explains an error, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest

from dz.errors import DependencyNotFound, VerificationFailed
from dz.tasklib.checkouts import absent
from dz.tasklib.checkouts.checkouts import Checkout

PLAIN = Checkout(Path("/x"), "https://example.org/shop.git", None, "0" * 40, "", "p00000001")
CHECKOUT = replace(PLAIN, submodules=("vendor/pricing", "themes/blue-sky"), pointers=("data/prices.json", "logo.png"))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ("ImportError at shop/settings.py:3: No module named 'pricing'", "vendor/pricing is a submodule"),
        ("ImportError at a.py:3: No module named 'vendor.pricing.tax'", "vendor/pricing is a submodule"),
        (
            "ImportError at a.py:3: cannot import name 'VAT' from 'pricing' (unknown location)",
            "vendor/pricing is a submodule",
        ),
        ("AttributeError at a.py:3: module 'blue_sky' has no attribute 'x'", "themes/blue-sky is a submodule"),
        ("FileNotFoundError at a.py:3: No such file: '/src/themes/blue-sky/x.css'", "themes/blue-sky is a submodule"),
        ("ImportError at a.py:3: No module named 'requests'", "may belong to a submodule"),
        (
            "JSONDecodeError at a.py:3: Expecting value: json.load(open('data/prices.json'))",
            "prices.json is kept in git-lfs",
        ),
        ("JSONDecodeError at a.py:3: Expecting value: line 1", "only pointers: data/prices.json, logo.png"),
        ("ValueError at a.py:3: no price of pricing", ""),
        ("KeyError at a.py:3: 'x'", ""),
    ],
)
def test_what_is_lacking_is_named_where_it_explains_an_error(found: str, words: str) -> None:
    lacking = absent.cause(CHECKOUT, found)
    assert (words in lacking[0]) if lacking else (words == "")
    assert absent.cause(PLAIN, found) is None


def test_an_error_keeps_its_kind_and_gets_the_remedy_for_what_is_lacking() -> None:
    named = pytest.raises(DependencyNotFound, match=r"No folder vendor/pricing\. vendor/pricing is a submodule")
    with named as raised, absent.named_as_cause(CHECKOUT):
        raise DependencyNotFound("No folder vendor/pricing.", "Correct it.")
    assert "git subtree add" in raised.value.remedy
    other = pytest.raises(VerificationFailed, match=r"^Nothing of that kind")
    with other as unchanged, absent.named_as_cause(CHECKOUT):
        raise VerificationFailed("Nothing of that kind.", "Correct it.")
    assert unchanged.value.remedy == "Correct it."


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            "TemplateDoesNotExist at shop/views.py:22: shop/index.html",
            "web/templates/shop/Index.html is spelt with other capital letters than shop/index.html.",
        ),
        ("No module named 'shop.Models'", "shop/models.py is spelt with other capital letters than shop/Models.py."),
        ("TemplateDoesNotExist at shop/views.py:22: shop/detail.html", ""),
        ("TemplateDoesNotExist at shop/views.py:22: op/index.html", ""),
        ("No module named 'requests'", ""),
    ],
)
def test_a_name_that_only_a_server_tells_from_another_is_named(tmp_path: Path, found: str, words: str) -> None:
    for name in ("web/templates/shop/Index.html", "shop/models.py"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    lacking = absent.cause(replace(PLAIN, path=tmp_path), found)
    assert (lacking[0] if lacking else "") == words
