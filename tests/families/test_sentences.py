from itertools import pairwise

import pytest

from aigc_core.families.sentences import Sentence, divided, joined, plainly, sentences

SPLIT = [
    ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
    ("Mr. Smith met Dr. J. Watson at 3.14 p.m. today.", None),
    ("It is 3.14. That is pi.", ["It is 3.14.", "That is pi."]),
    ("See example.org. Then go.", ["See example.org.", "Then go."]),
    ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
    ("Wait... what? No!", ["Wait... what?", "No!"]),
    ("今天下雨。明天呢？不知道！", ["今天下雨。", "明天呢？", "不知道！"]),
    ("他说：“走吧。”于是走了。", ["他说：“走吧。”", "于是走了。"]),
    ("真的吗?是的!好", ["真的吗?", "是的!", "好"]),
    ("First line\nsecond line\n\nthird.", ["First line", "second line", "third."]),
    ("U.S. troops left. Fine.", ["U.S. troops left.", "Fine."]),
    ("I got a B. Next came C.", None),
    ("", []),
    (" \n ", []),
    ("...", ["..."]),
]


@pytest.mark.parametrize(("text", "wanted"), SPLIT)
def test_a_text_is_split_where_sentences_end(text: str, wanted: list[str] | None):
    found = sentences(text)
    if wanted is None:  # What nobody can tell without understanding stays whole.
        wanted = [text]
    assert [sentence.text for sentence in found] == wanted


@pytest.mark.parametrize("text", [text for text, _ in SPLIT])
def test_places_are_those_of_the_text(text: str):
    found = sentences(text)
    for start, end, sentence in found:
        assert text[start:end] == sentence == sentence.strip()
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert "".join("".join(s.text for s in found).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "language"),
    [("Hello", "en"), ("你好", "zh"), ("Tom 说", None), ("123 ?!", None), ("", None)],
)
def test_a_language_is_told_where_it_is_plain(text: str, language: str | None):
    assert plainly(text) == language


def test_a_long_sentence_is_divided_at_its_commas_then_between_words():
    text = "When it rains, we stay at home, and when it does not we all go out for a long walk."
    whole = Sentence(3, 3 + len(text), text)
    parts = divided(whole, lambda part: len(part) <= 40)
    assert parts[0].text == "When it rains, we stay at home,"
    assert all(len(part.text) <= 40 for part in parts)
    assert " ".join(part.text for part in parts) == text
    assert all(("x" * 3 + text)[part.start : part.end] == part.text for part in parts)
    assert divided(whole, lambda _: True) == [whole]


def test_a_sentence_without_gaps_is_divided_all_the_same():
    text = "啊" * 100
    parts = divided(Sentence(0, 100, text), lambda part: len(part) <= 30)
    assert "".join(part.text for part in parts) == text
    assert max(len(part.text) for part in parts) <= 30


def test_what_was_made_stands_in_the_lines_of_the_text():
    text = "One. Two.\nThree.\n\nFour."
    found = sentences(text)
    assert joined(text, found, ["一。", "二。", "三。", "四。"], "zh") == "一。二。\n三。\n\n四。"
    assert joined("一。二。", sentences("一。二。"), ["One.", "Two."], "en") == "One. Two."
    assert joined(text, found, ["一。", "二"], "zh") == "一。二"
