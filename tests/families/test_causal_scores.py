from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import causal_scores
from aigc_core.families.causal_lm import load
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_scores import score, trace, windows
from aigc_core.families.causal_writing import continue_text
from aigc_core.families.text_stream import CUT_OFF
from aigc_core.media import Numbers, Writing
from aigc_core.tasks import ContinueText, ScoreText, TraceText
from tests.families.test_causal_lm import NAMES, Downloaded, placement

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

TEXT = "The sea 从前有一座灯塔 told the ships 👍🏽 where the rocks were."
SETTINGS = {"temperature": 0.9, "top_p": 0.9, "top_k": 40, "repetition_penalty": 1.2}


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


def scored(model: LoadedText, text: str) -> tuple[np.ndarray, dict[str, Any]]:
    output = finished(list(score(model, ScoreText.ask(text=text))))
    assert isinstance(output.media, Numbers)
    assert output.media.axes == ("figure", "token")
    return output.media.array, output.details


def by_hand(model: LoadedText, tokens: list[int]) -> np.ndarray:
    """The figures from one pass over the whole."""
    with torch.inference_mode():
        logits = model.network(torch.tensor([tokens])).logits[0].double()
    rows = []
    for place, token in enumerate(tokens[1:]):
        p = logits[place].softmax(0)
        order = logits[place].argsort(descending=True).tolist()
        entropy = torch.distributions.Categorical(probs=p).entropy()
        rows.append((-p[token].log(), entropy, order.index(token) + 1))
    return np.array(rows).T


class TestScores:
    def test_they_are_those_of_one_pass(self, model: LoadedText):
        figures, details = scored(model, TEXT)
        truth = by_hand(model, model.encode(TEXT))
        assert np.isnan(figures[:, 0]).all()
        assert np.allclose(figures[:2, 1:], truth[:2], atol=2e-4)
        assert np.array_equal(figures[2, 1:], truth[2])
        assert details["nats"] == pytest.approx(truth[0].sum(), rel=1e-5)

    def test_the_tokens_are_the_text(self, model: LoadedText):
        figures, details = scored(model, TEXT)
        assert "".join(details["tokens"]) == TEXT
        assert len(details["tokens"]) == figures.shape[1]
        assert details["characters"] == len(TEXT) - len(details["tokens"][0])
        assert CUT_OFF not in "".join(details["tokens"])

    def test_pieces_make_no_difference_and_are_told(
        self, model: LoadedText, monkeypatch: pytest.MonkeyPatch
    ):
        whole, _ = scored(model, TEXT)
        monkeypatch.setattr(causal_scores, "SCORED", 7)
        events = list(score(model, ScoreText.ask(text=TEXT)))
        pieces = finished(events).media
        assert isinstance(pieces, Numbers)
        assert np.allclose(pieces.array, whole, atol=1e-3, equal_nan=True)
        count = len(model.encode(TEXT))
        told = [event.step for event in events if isinstance(event, Progress)]
        assert told == [0, *range(7, count, 7), count]

    def test_a_long_text_is_read_in_windows_that_overlap_by_half(self, model: LoadedText):
        text = TEXT * 3
        tokens = model.encode(text)
        short = replace(model, context=40)
        figures, _ = scored(short, text)
        assert np.isfinite(figures[:, 1:]).all()
        for start, known, end in windows(len(tokens), 40):
            truth = by_hand(model, tokens[start:end])
            fresh = max(1, known - start)
            assert end - start <= 40
            assert known == 0 or known - start >= 20
            assert np.allclose(figures[0, start + fresh : end], truth[0, fresh - 1 :], atol=2e-4)

    def test_a_text_of_one_token_has_nothing_to_score(self, model: LoadedText):
        figures, details = scored(model, "z")
        assert figures.shape == (3, 1)
        assert np.isnan(figures).all()
        assert (details["nats"], details["characters"]) == (0, 0)

    def test_what_is_put_before_every_text_lets_the_first_token_be_scored(
        self, model: LoadedText, monkeypatch: pytest.MonkeyPatch
    ):
        lead = model.encode("z")[0]
        monkeypatch.setattr(LoadedText, "first", lead)
        figures, details = scored(model, "z" + TEXT)
        assert np.isfinite(figures).all()
        assert "".join(details["tokens"]) == TEXT
        assert details["characters"] == len(TEXT)


def traced(model: LoadedText, **values: Any) -> Output:
    asked = {"prompt": "The sea", "tokens": 16, "seed": 4, **SETTINGS, **values}
    return finished(list(trace(model, TraceText.ask(**asked))))


class TestTraces:
    @pytest.mark.parametrize("temperature", [0, 0.9])
    def test_it_writes_what_continuing_writes(self, temperature: float, model: LoadedText):
        settings = {**SETTINGS, "temperature": temperature}
        asked = ContinueText.ask(prompt="The sea", tokens=16, seed=4, **settings)
        output = traced(model, temperature=temperature)
        told = finished(list(continue_text(model, asked)))
        assert output.media == told.media
        assert {name: output.details[name] for name in told.details} == told.details
        ended = output.details["ended"] == "by itself"
        assert len(output.details["steps"]) == output.details["tokens"] + ended

    def test_the_candidates_are_the_models_own_and_those_drawn_from(self, model: LoadedText):
        from transformers import (
            LogitsProcessorList,
            RepetitionPenaltyLogitsProcessor,
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        reshape = LogitsProcessorList(
            [
                RepetitionPenaltyLogitsProcessor(1.2),
                TemperatureLogitsWarper(0.9),
                TopKLogitsWarper(40),
                TopPLogitsWarper(0.9),
            ]
        )
        ids = model.encode("The sea")
        for step in traced(model).details["steps"]:
            with torch.inference_mode():
                read = torch.tensor([ids])
                logits = model.network(read).logits[:, -1].float()
                p = logits.softmax(-1)[0]
                q = reshape(read, logits.clone()).softmax(-1)[0]
            entropy = float(torch.distributions.Categorical(probs=p).entropy())
            assert step["entropy"] == pytest.approx(entropy, abs=1e-3)
            shown = [one[0] for one in step["candidates"]]
            best = p.topk(10).indices.tolist()
            assert shown == best or (shown[:9] == best[:9] and shown[9] == step["id"])
            assert step["id"] in shown
            for id, _, own, used in step["candidates"]:
                assert own == pytest.approx(float(p[id]), abs=1e-4)
                assert used == pytest.approx(float(q[id]), abs=1e-4)
            ids.append(step["id"])

    def test_without_chance_one_candidate_has_all(self, model: LoadedText):
        for step in traced(model, temperature=0).details["steps"]:
            used = {id: q for id, _, _, q in step["candidates"]}
            assert used.pop(step["id"]) == 1
            assert set(used.values()) == {0}

    def test_what_is_forced_as_it_was_drawn_goes_on_as_it_did(self, model: LoadedText):
        steps = traced(model).details["steps"]
        ids = [step["id"] for step in steps]
        again = traced(model, chosen=" ".join(map(str, ids[:6])))
        assert [step["id"] for step in again.details["steps"]] == ids

    def test_a_branch_goes_another_way(self, model: LoadedText):
        steps = traced(model).details["steps"]
        ids = [step["id"] for step in steps[:3]]
        other = next(one[0] for one in steps[3]["candidates"] if one[0] != steps[3]["id"])
        output = traced(model, chosen=" ".join(map(str, [*ids, other])), candidates=2)
        chosen = [step["id"] for step in output.details["steps"]]
        assert chosen[:4] == [*ids, other]
        assert isinstance(output.media, Writing)
        assert output.media.text == model.decode(model.encode("The sea"), chosen)
        for step in output.details["steps"]:
            assert len(step["candidates"]) == 2
            assert step["id"] in [one[0] for one in step["candidates"]]

    @pytest.mark.parametrize("token", [300, 999_999_999])
    def test_a_token_that_is_not_there_is_refused_with_the_figures(
        self, token: int, model: LoadedText
    ):
        with pytest.raises(InvalidRequest) as caught:
            traced(model, chosen=f"1 {token}")
        for text in caught.value.text:
            assert str(token) in text
            assert str(model.words - 1) in text

    def test_an_end_is_the_last_step_and_no_part_of_the_text(self, model: LoadedText):
        first, second, *_ = (step["id"] for step in traced(model).details["steps"])
        ending = replace(model, ends=frozenset([second]))
        output = traced(ending)
        assert output.details["ended"] == "by itself"
        assert output.details["tokens"] == 1
        assert [step["id"] for step in output.details["steps"]] == [first, second]
        assert output.media == Writing(model.decode(model.encode("The sea"), [first]))

    def test_bytes_of_a_character_are_shown_by_a_sign_until_it_is_whole(self, model: LoadedText):
        lamp = model.encode("灯")
        assert len(lamp) == 3
        output = traced(model, chosen=" ".join(map(str, lamp)), tokens=3)
        assert [s["text"] for s in output.details["steps"]] == [CUT_OFF, CUT_OFF, "灯"]
        assert output.media == Writing("灯")

    def test_a_token_without_text_has_its_name(self, model: LoadedText):
        special = model.tokenizer.all_special_ids[0]
        asked = replace(model, ends=frozenset())
        (step,) = traced(asked, chosen=str(special), tokens=1).details["steps"]
        assert step["text"] == model.tokenizer.convert_ids_to_tokens(special)

    def test_every_token_is_told(self, model: LoadedText):
        events = list(trace(model, TraceText.ask(prompt="The sea", tokens=5)))
        told = [event.step for event in events if isinstance(event, Preview)]
        assert told == [1, 2, 3, 4, 5]
