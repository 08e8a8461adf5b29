"""YAML of strangers: any tag, bounded, no crash."""

import time
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dz.tasklib.detection import documents
from dz.tasklib.detection.tree import Tree


def tree_of(folder: Path, text: str) -> Tree:
    (folder / "compose.yml").write_text(text, encoding="utf-8", errors="surrogatepass")
    return Tree(folder)


def test_comments_are_no_commands_and_lists_of_words_are_one(tmp_path: Path) -> None:
    text = "services:\n  w:\n    # command: celery -A old worker\n    command: [celery, -A, shop, worker]\n"
    assert documents.text(tree_of(tmp_path, text), "compose.yml") == "celery -A shop worker"


def test_tags_of_others_are_plain_data(tmp_path: Path) -> None:
    found = documents.load(tree_of(tmp_path, "a: !reference [x, y]\nb: !Ref Z\nc: !Sub {d: e}\n"), "compose.yml")
    assert found == [{"a": ["x", "y"], "b": "Z", "c": {"d": "e"}}]


def test_growth_by_aliases_and_merges_is_bounded(tmp_path: Path) -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    merges = "b0: &b0 {x: y}\n" + "".join(
        f"b{n}: &b{n} {{<<: [{', '.join([f'*b{n - 1}'] * 10)}]}}\n" for n in range(1, 20)
    )
    started = time.monotonic()
    for text in (laughs, merges):
        documents.text(tree_of(tmp_path, text), "compose.yml")
    assert time.monotonic() - started < 5


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>#'\"\n <,%@?0.")), max_size=120))
def test_no_text_raises(tmp_path_factory: object, text: str) -> None:
    documents.text(tree_of(tmp_path_factory.mktemp("any"), text), "compose.yml")  # type: ignore[attr-defined]


def test_a_toml_file_that_is_broken_or_missing_is_empty(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text("[a]\nb = 1\n")
    (tmp_path / "bad.toml").write_text("[a\n")
    tree = Tree(tmp_path)
    assert [documents.toml(tree, f"{name}.toml") for name in ("good", "bad", "missing")] == [{"a": {"b": 1}}, {}, {}]


def test_what_is_no_table_counts_as_an_empty_one() -> None:
    assert documents.table({"a": {"b": 1}}, "a") == {"b": 1}
    assert documents.table({"a": [1]}, "a") == documents.table([], "a") == {}
