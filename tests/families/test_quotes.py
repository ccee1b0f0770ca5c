import pytest

from aigc_core.families.quotes import place_of, places, split

PASSAGE = (
    "Chlorophyll absorbs red and blue light. It reflects green light, which is why leaves look "
    "green. In autumn, e.g. in October, it breaks down."
)
CHINESE = "叶绿素吸收红光和蓝光。它反射绿光，所以叶子看起来是绿的。秋天它会分解！"
GREEN = "It reflects green light, which is why leaves look green."


def quoted(passage: str, answer: str) -> list[str]:
    text, found = split(answer)
    return [passage[start:end] for start, end in places(passage, text, found)]


@pytest.mark.parametrize("mark", ["Quote:", "**Quote:**", "> quote :", "QUOTES:"])
def test_the_quote_is_found_and_parted_from_the_answer(mark: str):
    answer = f"They reflect it.\n\n{mark} “{GREEN}”"
    assert split(answer)[0] == "They reflect it."
    assert quoted(PASSAGE, answer) == [GREEN.rstrip(".")]


def test_chinese_quotes():
    answer = "因为反射绿光。\n引文：它反射绿光，所以叶子看起来是绿的。"
    assert quoted(CHINESE, answer) == ["它反射绿光，所以叶子看起来是绿的"]


def test_a_quote_that_is_nearly_right_is_found():
    (found,) = quoted(
        PASSAGE, "So.\nQuote: it reflects the green light, which is why leaves look green"
    )
    assert "reflects green light" in found
    assert not quoted(PASSAGE, "No.\nQuote: Bananas are rich in potassium and very yellow.")


def test_words_in_quotation_marks_of_the_answer_itself_count():
    assert quoted(PASSAGE, "It says that it “breaks down” then.") == ["breaks down"]


def test_without_a_quote_the_nearest_sentence_counts():
    assert quoted(PASSAGE, "Leaves look green since chlorophyll reflects green light.") == [GREEN]
    assert quoted(CHINESE, "它反射绿光") == ["它反射绿光，所以叶子看起来是绿的。"]
    assert quoted(PASSAGE, "The passage does not mention that.") == []
    assert quoted(PASSAGE, "") == quoted("", "Green.") == []


def test_several_quotes_in_their_order():
    answer = f"Both.\nQuote: {GREEN}\nChlorophyll absorbs red and blue light."
    assert quoted(PASSAGE, answer) == [GREEN[:-1], "Chlorophyll absorbs red and blue light"]


@pytest.mark.parametrize("quote", ["", "“”", "it", "...", "a.."])
def test_what_is_too_short_is_no_quote(quote: str):
    assert place_of(PASSAGE, quote) is None
