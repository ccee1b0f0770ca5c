"""Heads of our Transformer: what they look at, and what is missing without them."""

from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import Progress
from aigc_core.families import char_attention
from aigc_core.families.char_model import CharModel
from aigc_core.tasks import AttendText, RankHeads
from tests.families.characters import VERSE, answer, events, model, numbers

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

TEXT = "The king is dead"


@pytest.fixture(params=["transformer", "gpt2"])
def char(request: pytest.FixtureRequest) -> CharModel:
    return model(request.param, context=24)


def without(char: CharModel, off: list[tuple[int, int]], words: str = TEXT) -> torch.Tensor:
    """log p of the next character where heads' parts of what `out` reads are zeros."""
    network: Any = char.network
    d = network.blocks[0].attention.length

    def hook(layer: int) -> Any:
        def zero(_: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            mixed = inputs[0].clone()
            for at, head in off:
                if at == layer:
                    mixed[..., head * d : (head + 1) * d] = 0
            return (mixed,)

        return zero

    hooks = [
        block.attention.out.register_forward_pre_hook(hook(layer))
        for layer, block in enumerate(network.blocks)
    ]
    with torch.no_grad():
        logits, _ = network(torch.tensor([char.alphabet.encode(words)]))
    for each in hooks:
        each.remove()
    return logits[0, -1].double().log_softmax(-1)


def kl(p: torch.Tensor, q: torch.Tensor) -> float:
    return float(torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum"))


def test_maps_are_weights_over_what_came_before(char: CharModel):
    output = answer(char_attention, char, AttendText.ask(text=TEXT))
    maps = numbers(output)
    assert maps.shape == (2, 3, len(TEXT), len(TEXT))
    assert maps.dtype == np.float32
    assert output.media.axes == ("layer", "head", "token", "looks at")  # type: ignore[union-attr]
    assert np.allclose(maps.sum(3), 1, atol=1e-5)
    assert not np.triu(maps, 1).any()
    assert output.details["tokens"] == list(TEXT)
    assert output.details["moved"] == 0
    assert all(p == q for _, p, q in output.details["next"])


@pytest.mark.parametrize("off", ["0.1", "1.0 1.2", "0.0 0.1 0.2 1.0 1.1 1.2"])
def test_heads_that_are_off_add_nothing(off: str, char: CharModel):
    request = AttendText.ask(text=TEXT, off=off)
    output = answer(char_attention, char, request)
    p, q = without(char, []), without(char, sorted(request.heads_off))
    assert output.details["moved"] == pytest.approx(kl(p, q), abs=1e-4)
    assert output.details["moved"] > 0
    told = output.details["next"]
    assert [row[1] for row in told] == sorted((row[1] for row in told), reverse=True)
    vocabulary = char.network.vocabulary
    for character, own, rest in told:
        place = vocabulary.index(character)
        assert own == pytest.approx(float(p[place].exp()), abs=1e-4)
        assert rest == pytest.approx(float(q[place].exp()), abs=1e-4)
    shown = {row[0] for row in told}
    assert {vocabulary[int(p.argmax())], vocabulary[int(q.argmax())]} <= shown
    # Heads of the first layer look at the same, whoever is off.
    whole = numbers(answer(char_attention, char, AttendText.ask(text=TEXT)))
    assert np.allclose(numbers(output)[0], whole[0], atol=1e-5)


def test_ranks_are_what_each_head_alone_moves(char: CharModel):
    request = RankHeads.ask(text=TEXT)
    *told, _ = events(char_attention, char, request)
    assert [e.step for e in told if isinstance(e, Progress)] == list(range(7))
    output = answer(char_attention, char, request)
    moved, p = numbers(output), without(char, [])
    assert moved.shape == (2, 3)
    for layer in range(2):
        for head in range(3):
            expected = kl(p, without(char, [(layer, head)]))
            assert moved[layer, head] == pytest.approx(expected, abs=1e-4)
            one = AttendText.ask(text=TEXT, off=f"{layer}.{head}")
            alone = answer(char_attention, char, one).details["moved"]
            assert moved[layer, head] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("off", ["2.0", "0.3", "999.999", "0.1 5.0"])
def test_heads_that_do_not_exist_are_refused_with_how_many_there_are(off: str, char: CharModel):
    with pytest.raises(InvalidRequest) as caught:
        answer(char_attention, char, AttendText.ask(text=TEXT, off=off))
    for said in caught.value.text:
        assert "2" in said
        assert "3" in said
        assert "1.2" in said


def test_a_long_text_is_cut_from_the_left(char: CharModel):
    words = "abcdefghij" * 3
    for request in (AttendText.ask(text=words), RankHeads.ask(text=words)):
        output = answer(char_attention, char, request)
        assert output.details["cut"] == 6
        assert output.details["tokens"] == list(words[6:])


def test_in_verse_the_form_is_looked_at_too():
    char = model(vocabulary=VERSE, context=24)
    output = answer(char_attention, char, AttendText.ask(text="明月光，天\n山a"))
    assert output.details["tokens"] == list("5明月光，天山")
    assert output.details["left_out"] == "a"
    assert numbers(output).shape[2:] == (7, 7)


def test_a_run_leaves_nothing_switched_off(char: CharModel):
    before = answer(char_attention, char, AttendText.ask(text=TEXT))
    first = char_attention.ANSWERS[AttendText](char, AttendText.ask(text=TEXT, off="0.0 1.1"))
    next(first)
    assert answer(char_attention, char, AttendText.ask(text=TEXT)).details == before.details
    first.close()
