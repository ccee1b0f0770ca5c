from collections.abc import Sequence

import pytest

from aigc_core.families.causal_lm import LoadedText, load
from aigc_core.families.text_stream import CUT_OFF, TextStream
from tests.families.test_causal_lm import PROMPTS, Downloaded, placement

pytest_plugins = ("tests.cores", "tests.downloaded")

TEXTS = (
    *PROMPTS,
    "灯塔在海边，风很大。" * 8,
    "👩‍👩‍👧 family, 👍🏽 and é: naïve  \n\n\t two",
    " leading and trailing ",
)


@pytest.fixture(scope="module", params=["qwen3", "gpt2"])
def model(request: pytest.FixtureRequest, downloaded: Downloaded) -> LoadedText:
    return load(downloaded(request.param), placement())


def told(model: LoadedText, prompt: Sequence[int], tokens: Sequence[int]) -> list[str]:
    stream = TextStream(model.text_of, prompt)
    return [stream.add(token) for token in tokens]


def whole(model: LoadedText, prompt: Sequence[int], tokens: Sequence[int]) -> list[str]:
    return [model.decode(prompt, tokens[: end + 1]).rstrip(CUT_OFF) for end in range(len(tokens))]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_so_far_is_what_decoding_the_whole_gives(text: str, model: LoadedText) -> None:
    prompt, tokens = model.encode("灯 once"), model.encode(text)
    assert told(model, prompt, tokens) == whole(model, prompt, tokens)
    assert told(model, prompt, tokens)[-1] == text


def test_bytes_that_are_no_characters_are_told_as_the_decoder_writes_them(
    model: LoadedText,
) -> None:
    lamp, face = model.encode("灯"), model.encode("👍")
    tokens = [*lamp[:2], *model.encode("a"), *face[:3], *lamp, *lamp[2:], *face, *lamp[:1]]
    assert told(model, [], tokens) == whole(model, [], tokens)


def test_tokens_without_text_do_not_disturb_it(model: LoadedText) -> None:
    special = model.tokenizer.all_special_ids[0]
    tokens = [special, *model.encode("the sea 灯"), special, special, *model.encode(" and")]
    assert told(model, [], tokens) == whole(model, [], tokens)


def test_a_token_costs_the_same_however_long_the_text_is(model: LoadedText) -> None:
    decoded: list[int] = []

    def decode(tokens: Sequence[int]) -> str:
        decoded.append(len(tokens))
        return model.text_of(tokens)

    stream = TextStream(decode, [])
    for token in model.encode("The lighthouse 灯塔 👍 stands. " * 40):
        stream.add(token)
    assert max(decoded) < 12
