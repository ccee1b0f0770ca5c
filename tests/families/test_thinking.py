import pytest

from aigc_core.families.thinking import CLOSE, OPEN, finished, parted
from aigc_core.media import Writing

WHOLE = f"\n{OPEN}\nFirst <this>, then that.\n{CLOSE}\n\nThe answer </is> here."
PARTED = Writing("The answer </is> here.", "First <this>, then that.")


@pytest.mark.parametrize("opened", [False, True])
def test_thoughts_and_answer_are_parted(opened: bool):
    text = WHOLE.partition(OPEN)[2] if opened else WHOLE
    assert parted(text, opened=opened) == finished(text, opened=opened) == PARTED


@pytest.mark.parametrize("opened", [False, True])
def test_both_only_grow_while_they_come(opened: bool):
    text = WHOLE.partition(OPEN)[2] if opened else WHOLE
    for end in range(len(text)):
        found = parted(text[:end], opened=opened)
        assert PARTED.text.startswith(found.text)
        assert PARTED.thinking.startswith(found.thinking.rstrip("<"))
        assert OPEN not in found.text + found.thinking
        assert not any(found.thinking.endswith(CLOSE[:length]) for length in range(1, 8))


def test_thoughts_without_an_end_are_thoughts():
    assert finished(f"{OPEN}I wonder") == Writing("", "I wonder")
    assert finished("I wonder", opened=True) == Writing("", "I wonder")


@pytest.mark.parametrize("text", ["", "Plainly.", "  said", "a <think> b", "<thin ice>"])
def test_a_text_without_them_stays_as_it_is(text: str):
    assert finished(text) == parted(text) == Writing(text)


def test_the_beginning_of_a_tag_is_held_back_until_the_end():
    assert parted("<thi") == Writing("")
    assert finished("<thi") == Writing("<thi")
