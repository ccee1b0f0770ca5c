"""What a character model knows of a visitor's text."""

import pytest

from aigc_core.errors import InvalidRequest
from aigc_core.families.characters import MOST_TOLD, Alphabet
from tests.families.characters import PROSE, VERSE

prose, verse = Alphabet(PROSE), Alphabet(VERSE)


@pytest.mark.parametrize(
    ("typed", "read", "left_out"),
    [
        ("To be, or not", "To be, or not", ""),
        ("“Tis” ‘tis’ it’s", "'Tis' 'tis' it's", ""),
        ("a—b–c…", "a--b-c...", ""),
        ("a\tb\u00a0c\u3000d\u2009e", "a b c d e", ""),
        ("Ｗｈｏ？ you！", "Who? you!", ""),
        ("café 你好", "caf ", "é你好"),
        ("a🦉b👩‍👧c", "abc", "🦉👩👧"),
        ("<b>bold</b>&amp;", "bboldbamp;", "<>/&"),
        ("éaéaé", "aa", "é"),
        ("", "", ""),
    ],
)
def test_prose_is_read_in_plain_signs(typed: str, read: str, left_out: str):
    found = prose.read(typed)
    assert (found.text, found.left_out) == (read, left_out)


@pytest.mark.parametrize(
    ("typed", "read", "left_out"),
    [
        ("明月，\n  天山。", "明月，天山。", ""),
        ("明月,天山.光!花?", "明月，天山。光。花。", ""),
        ("明月；天、山：", "明月，天，山，", ""),
        ("明57月", "明月", "57"),
        ("明zebra月", "明月", "zebra"),
        ("　明 月\t", "明月", ""),
    ],
)
def test_verse_has_its_own_punctuation_and_no_blanks(typed: str, read: str, left_out: str):
    found = verse.read(typed)
    assert (found.text, found.left_out) == (read, left_out)


def test_a_vocabulary_that_has_curly_quotes_keeps_them():
    assert Alphabet("ab“'\"").read("“a‘b”").text == "“a'b\""


def test_what_is_read_can_be_encoded_and_comes_back():
    for alphabet in (prose, verse):
        everything = "".join(map(chr, (*range(32, 0x2100), *range(0x3000, 0x3020), 0x660E, 0xFF0C)))
        read = alphabet.read(everything).text
        assert alphabet.decode(alphabet.encode(read)) == read


def test_no_more_is_told_than_one_can_read():
    left_out = prose.read("".join(map(chr, range(0x4E00, 0x9000)))).left_out
    assert len(left_out) == MOST_TOLD + 1
    assert left_out.endswith("…")


def test_where_nothing_is_left_it_says_what_it_knows():
    with pytest.raises(InvalidRequest) as caught:
        prose.something("你好")
    for said in caught.value.text:
        assert "3 A–Z a–z ! ' , - . : ; ?" in said
    with pytest.raises(InvalidRequest) as caught:
        verse.something("hello")
    assert f"{len(VERSE) - 5} Chinese characters" in caught.value.text.en
    assert "简体汉字" in caught.value.text.zh
    for said in caught.value.text:
        assert "天年前边" in said
    with pytest.raises(InvalidRequest) as caught:
        Alphabet("".join(map(chr, range(0x4E00, 0x5000)))).something("a")
    assert "512" in caught.value.text.en


def test_a_form_sign_is_not_typed():
    assert "7" not in verse
    assert "\n" not in verse
    assert "明" in verse
    assert "\n" in prose
