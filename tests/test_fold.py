"""Folding for search and sorting: every code point, and the edges of Unicode."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.values import task
from tests.support.oracle import folded
from tests.support.size import size
from todo_cli.fold import fold, fold_or_none, has_words

PAIRS = {
    "Ärger": "arger",
    "a\u0308rger": "arger",
    "STRASSE": "strasse",
    "Straße": "strasse",
    "ẞ": "ss",
    "ﬁsh": "fish",
    "Ⅷ": "viii",
    "ｆｕｌｌ": "full",
    "İ": "i",
    "ı": "ı",
    "ΑΣσς": "ασσσ",
    "Ǆ": "dz",
    "Ё": "е",
    "й": "и",
    "ά": "α",
    "ᾳ": "α",
    "שָׁלוֹם": "שלום",
    "مُحَمَّد": "محمد",
    "①½": "11⁄2",
    "가": "\u1100\u1161",
    "が": "か",
    "Å": "a",
    "㎏": "kg",
    "x\u200dy": "x\u200dy",
    "😀": "😀",
    "": "",
    "\u0301": "",
}


@pytest.mark.spec("001/FR-062")
@pytest.mark.parametrize("text", PAIRS)
def test_fold_takes_away_accents_and_case(text: str) -> None:
    assert fold(text) == PAIRS[text]


@pytest.fixture(scope="module")
def folds() -> dict[str, str]:
    """Every code point, folded; in the suite some of the planes that are nearly empty."""
    codes = [
        *range(0xD800),
        *range(0xE000, 0x40000),
        *range(0xE0000, 0xE0200),
        *range(0x40000, sys.maxunicode + 1, size(64, 1)),
    ]
    return {chr(code): fold(chr(code)) for code in codes}


@pytest.mark.spec("001/FR-062")
def test_fold_is_the_rule_for_every_code_point(folds: dict[str, str]) -> None:
    wrong = [each for each in folds if folds[each] != folded(each)]

    assert wrong == []


@pytest.mark.spec("001/FR-062")
def test_folding_once_more_changes_nothing(folds: dict[str, str]) -> None:
    """So a folded text that is typed again is found."""
    changed = [each for each in {*folds.values()} if fold(each) != each]

    assert changed == []


@pytest.mark.spec("001/FR-062")
def test_what_can_be_seen_is_never_folded_away(folds: dict[str, str]) -> None:
    """But for two marks of Japanese that are letters, and combine."""
    gone = [
        each
        for each in folds
        if not folds[each] and unicodedata.category(each)[0] != "M"
    ]

    assert gone == ["\uff9e", "\uff9f"]


@pytest.mark.spec("001/FR-062")
@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=5))
def test_a_text_is_found_in_what_contains_it(
    before: str, text: str, after: str
) -> None:
    whole = unicodedata.normalize("NFC", before + text + after)

    assert fold(text) in fold(before + text + after)
    # However it is composed.
    assert fold(text) in fold(whole)
    assert fold(whole) == fold(unicodedata.normalize("NFD", whole))


def test_fold_or_none_keeps_none() -> None:
    assert fold_or_none(None) is None
    assert fold_or_none("Ä") == "a"


@pytest.mark.spec("001/FR-062")
def test_each_word_may_be_in_another_text_and_a_phrase_is_in_one() -> None:
    milk = task(
        title="Buy Mïlk",
        description="two litres",
        project="home.Küche",
        tags=["food", "Urgent"],
    )

    assert has_words(milk, [])
    assert has_words(milk, ["MILK", "LITRES", "kuche", "gent", "uy m"])
    assert not has_words(milk, ["milk", "bread"])
    assert not has_words(milk, ["milk two"])
    assert not has_words(milk, ["food urgent"])
    assert not has_words(task(title="a"), ["b"])
