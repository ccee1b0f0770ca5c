import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Progress
from aigc_core.families import causal_attention
from aigc_core.families.causal_attention import WATCH, attend, rank_heads, watchable
from aigc_core.families.causal_lm import load
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_writing import continue_text
from aigc_core.media import Numbers
from aigc_core.tasks import AttendText, ContinueText, RankHeads
from tests.families.test_causal_lm import NAMES, Downloaded, generated, placement
from tests.waiting import end, start

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

TEXT = "The king is dead, and 灯塔 is"


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded(request.param), placement())
    yield made
    made.close()


def finished(events: list[FamilyEvent]) -> Output:
    (*_, last) = events
    assert isinstance(last, Finished)
    (output,) = last.outputs
    return output


def looked(model: LoadedText, off: str = "", text: str = TEXT) -> Output:
    return finished(list(attend(model, AttendText.ask(text=text, off=off))))


def grid(output: Output) -> np.ndarray:
    assert isinstance(output.media, Numbers)
    return output.media.array


def eager(model: LoadedText) -> Any:
    """A copy whose attention is computed as transformers does where it can be looked at."""
    network = copy.deepcopy(model.network)
    network.set_attn_implementation("eager")
    return network


def outputs(network: Any) -> list[torch.nn.Linear]:
    """The layers after each block's attention, which take the heads side by side."""
    names = ("self_attn.o_proj", "attn.c_proj")
    return [module for name, module in network.named_modules() if name.endswith(names)]


def without(network: Any, off: dict[int, list[int]], tokens: list[int], heads: int) -> torch.Tensor:
    """What follows when slices of what goes into these layers are nothing."""

    def hook(layer: int) -> Any:
        def silence(_: Any, values: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            parts = values[0].unflatten(-1, (heads, -1)).clone()
            parts[..., off[layer], :] = 0
            return (parts.flatten(-2),)

        return silence

    hooks = [outputs(network)[at].register_forward_pre_hook(hook(at)) for at in off]
    with torch.inference_mode():
        logits = network(torch.tensor([tokens])).logits[0, -1]
    for handle in hooks:
        handle.remove()
    return logits.double().log_softmax(0)


class TestMaps:
    def test_they_are_those_of_an_eager_copy(self, model: LoadedText):
        tokens = model.encode(TEXT)
        with torch.inference_mode():
            truth = eager(model)(torch.tensor([tokens]), output_attentions=True).attentions
        output = looked(model)
        assert isinstance(output.media, Numbers)
        assert output.media.axes == ("layer", "head", "token", "looks at")
        assert grid(output).shape == (len(truth), 4, len(tokens), len(tokens))
        for ours, theirs in zip(grid(output), truth, strict=True):
            assert np.allclose(ours, theirs[0].numpy(), atol=1e-5)
        assert np.allclose(grid(output).sum(-1), 1, atol=1e-5)
        assert not grid(output)[..., ~np.tri(len(tokens), dtype=bool)].any()
        assert "".join(output.details["tokens"]) == TEXT

    def test_heads_that_are_off_are_shown_too(self, model: LoadedText):
        whole, off = grid(looked(model)), grid(looked(model, "0.1 0.2"))
        # The first layer looks as it did; those after it read something else.
        assert np.array_equal(whole[0], off[0])
        assert not np.allclose(whole[1], off[1], atol=1e-4)

    def test_a_long_text_is_cut_from_the_left(
        self, model: LoadedText, monkeypatch: pytest.MonkeyPatch
    ):
        layers = model.network.config.num_hidden_layers
        monkeypatch.setattr(causal_attention, "MOST", layers * 4 * 10 * 10)
        output = looked(model)
        assert grid(output).shape[2:] == (10, 10)
        assert output.details["cut"] == len(model.encode(TEXT)) - 10
        assert TEXT.endswith("".join(output.details["tokens"]).lstrip("\ufffd"))


class TestSwitchingOff:
    @pytest.mark.parametrize("off", ["0.0", "1.3", "0.1 0.2 1.0", "0.0 0.1 0.2 0.3"])
    def test_it_is_as_zeroing_a_slice(self, off: str, model: LoadedText):
        tokens = model.encode(TEXT)
        heads: dict[int, list[int]] = {}
        for layer, head in AttendText.ask(text=TEXT, off=off).heads_off:
            heads.setdefault(layer, []).append(head)
        network = eager(model)
        p, q = without(network, {}, tokens, 4), without(network, heads, tokens, 4)
        details = looked(model, off).details
        moved = torch.nn.functional.kl_div(q, p, log_target=True, reduction="sum")
        assert details["moved"] == pytest.approx(float(moved), abs=1e-5)
        assert details["moved"] > 1e-4
        best = p.maximum(q).topk(10).indices.tolist()
        truth = sorted(([float(p[id].exp()), float(q[id].exp())] for id in best), reverse=True)
        assert np.allclose([one[1:] for one in details["next"]], truth, atol=1e-5)

    def test_nothing_off_changes_nothing(self, model: LoadedText):
        details = looked(model).details
        assert details["moved"] == 0
        assert len(details["next"]) == 10
        for text, p, q in details["next"]:
            assert text
            assert p == q
        told = [p for _, p, _ in details["next"]]
        assert told == sorted(told, reverse=True)

    @pytest.mark.parametrize("head", ["9.0", "0.4"])
    def test_a_head_that_is_not_there_is_refused_with_the_figures(
        self, head: str, model: LoadedText
    ):
        with pytest.raises(InvalidRequest) as caught:
            looked(model, f"0.0 {head}")
        for text in caught.value.text:
            assert head in text
            assert str(model.network.config.num_hidden_layers) in text


class TestRanking:
    def test_each_is_what_switching_it_off_alone_moves(self, model: LoadedText):
        output = finished(list(rank_heads(model, RankHeads.ask(text=TEXT))))
        assert isinstance(output.media, Numbers)
        assert output.media.axes == ("layer", "head")
        array = output.media.array
        assert array.shape == (model.network.config.num_hidden_layers, 4)
        for layer, head in ((0, 0), (0, 3), (1, 2)):
            moved = looked(model, f"{layer}.{head}").details["moved"]
            assert array[layer, head] == pytest.approx(moved, rel=1e-3, abs=1e-6)
        assert "".join(output.details["tokens"]) == TEXT

    def test_it_tells_how_far_it_is(self, model: LoadedText):
        slow = replace(model, piece=2 * len(model.encode(TEXT)))
        events = list(rank_heads(slow, RankHeads.ask(text=TEXT)))
        heads = 4 * model.network.config.num_hidden_layers
        told = [event.step for event in events if isinstance(event, Progress)]
        assert told == list(range(0, heads + 1, 2))
        assert {e.total for e in events if isinstance(e, Progress)} == {heads}


class TestBeside:
    def test_writing_is_exactly_that_of_sdpa(self, model: LoadedText):
        assert model.watchable
        plain = copy.deepcopy(model.network)
        plain.set_attn_implementation("sdpa")
        asked = ContinueText.ask(prompt=TEXT, tokens=24, temperature=0)
        ours = finished(list(continue_text(model, asked))).media
        theirs = generated(replace(model, network=plain), TEXT, do_sample=False, max_new_tokens=24)
        assert getattr(ours, "text", "") == theirs
        ids = torch.tensor([model.encode(TEXT)])
        with torch.inference_mode():
            assert torch.equal(model.network(ids).logits, plain(ids).logits)

    def test_visitors_do_not_disturb_each_other(self, model: LoadedText):
        asked = ContinueText.ask(prompt=TEXT, tokens=24, seed=2)
        written = finished(list(continue_text(model, asked))).media
        maps = grid(looked(model, "0.0"))
        texts: list[Any] = []
        grids: list[np.ndarray] = []

        def write() -> None:
            texts.append(finished(list(continue_text(model, asked))).media)

        def look() -> None:
            grids.extend(grid(looked(model, "0.0")) for _ in range(4))

        end(*(start(work) for work in (write, look, write, look)))
        assert texts == [written] * 2
        assert len(grids) == 8
        assert all(np.array_equal(found, maps) for found in grids)

    def test_nobody_watches_between_events(self, model: LoadedText):
        for _ in attend(model, AttendText.ask(text=TEXT, off="0.0")):
            assert WATCH.get() is None

    def test_an_attention_of_its_own_cannot_be_looked_at(self, model: LoadedText):
        network = eager(model)
        assert not watchable(network)
        assert network.config._attn_implementation == "eager"
        closed = replace(model, network=network, watchable=False)
        for events in (
            attend(closed, AttendText.ask(text=TEXT)),
            rank_heads(closed, RankHeads.ask(text=TEXT)),
        ):
            with pytest.raises(InvalidRequest) as caught:
                next(events)
            assert model.id in caught.value.text.zh
