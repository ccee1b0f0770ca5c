"""Character models against full passes of their networks, by hand."""

import math
from contextlib import closing
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Preview, Progress
from aigc_core.families import char_attention, char_lm, char_model
from aigc_core.families.char_model import CharModel
from aigc_core.families.token_sampling import sampler, shaped
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.tasks import ContinueText, ScoreText, TraceText
from tests.families.characters import KINDS, PROSE, VERSE, answer, events, model, numbers, text
from tests.waiting import end, start

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

CONTEXT = 16
WAYS: tuple[dict[str, Any], ...] = (
    {"temperature": 0.0},
    {"temperature": 0.0, "repetition_penalty": 1.5},
    {"temperature": 0.9, "top_p": 0.9, "seed": 3},
    {"temperature": 1.5, "top_k": 8, "min_p": 0.05, "repetition_penalty": 1.2, "seed": 4},
)
HOSTILE = {
    "nul": "a\0b",
    "bidi": "\u202eabc\u2066d",
    "controls": "\x1b[31mred\x07",
    "emoji": "go 🦉👩‍👩‍👧 on",
    "html": "<script>alert('x')</script>",
    "halves": "a\ud800b",
    "line ends": "a\r\nb\u2028c",
    "only blanks": "   \n\n ",
    "combining": "e\u0301" * 50,
}


@pytest.fixture(params=KINDS)
def char(request: pytest.FixtureRequest) -> CharModel:
    return model(request.param, context=CONTEXT)


@pytest.fixture
def transformer() -> CharModel:
    return model(context=CONTEXT)


def by_hand(char: CharModel, request: ContinueText) -> str:
    """The continuation by a pass over all places for each character."""
    ids = char.alphabet.encode(request.prompt)
    context, draw = char.context, sampler(request)
    window = ids = ids[-context:] if context else ids
    for _ in range(request.tokens):
        with torch.no_grad():
            logits, _ = char.network(torch.tensor([window]))
        token = draw(logits[:, -1], ids)
        ids, window = [*ids, token], [*window, token]
        if context and len(window) > context:
            window = ids[-context // 2 :]
    return char.alphabet.decode(ids[-request.tokens :])


class TestContinuing:
    @pytest.mark.parametrize("way", WAYS[::3], ids=["greedy", "sampled"])
    @pytest.mark.parametrize("prompt", ["a", "To be, or not to", "To be " * 9])
    def test_a_cache_changes_nothing_also_beyond_the_context(
        self, prompt: str, way: dict[str, Any], char: CharModel
    ):
        request = ContinueText.ask(prompt=prompt, tokens=2 * CONTEXT + 3, **way)
        assert text(answer(char_lm, char, request)) == by_hand(char, request)

    def test_every_character_is_told(self, char: CharModel):
        request = ContinueText.ask(prompt="To be", tokens=20, temperature=1.0, seed=5)
        first, read, begun, *told, last = events(char_lm, char, request)
        assert first == Progress(0, 5, char_model.READING)
        assert read == Progress(5, 5, char_model.READING)
        assert begun == Progress(0, 20, char_model.WRITING)
        assert isinstance(last, Finished)
        (output,) = last.outputs
        whole = text(output)
        assert [(e.media, e.step) for e in told if isinstance(e, Preview)] == [
            (Writing(whole[:n]), n) for n in range(1, 21)
        ]
        assert (output.seed, output.tolerance) == (5, 0.0)
        assert output.details == {
            "prompt_tokens": 5,
            "cut": 0,
            "left_out": "",
            "tokens": 20,
            "ended": "at the limit",
        }

    def test_what_is_too_long_is_cut_from_the_left_and_told(self, transformer: CharModel):
        request = ContinueText.ask(prompt="abcdefghij" * 3, tokens=5, seed=1)
        output = answer(char_lm, transformer, request)
        assert (output.details["prompt_tokens"], output.details["cut"]) == (16, 14)
        short = request.model_copy(update={"prompt": request.prompt[-CONTEXT:]})
        assert text(answer(char_lm, transformer, short)) == text(output)

    def test_a_recurrent_network_cuts_nothing(self):
        lstm = model("lstm")
        long = "abcdefghij" * 60
        output = answer(char_lm, lstm, ContinueText.ask(prompt=long + "…", tokens=5))
        assert (output.details["prompt_tokens"], output.details["cut"]) == (603, 0)
        told = events(char_lm, lstm, ContinueText.ask(prompt=long, tokens=1))
        steps = [e.step for e in told if isinstance(e, Progress) and e.note == char_model.READING]
        assert steps == [0, 256, 512, 600]

    def test_unknown_characters_are_left_out_and_told(self, char: CharModel):
        known = answer(char_lm, char, ContinueText.ask(prompt="caf 'x'", tokens=8))
        output = answer(char_lm, char, ContinueText.ask(prompt="café你 “x”", tokens=8))
        assert output.details["left_out"] == "é你"
        assert text(output) == text(known)

    def test_a_seed_gives_one_text_and_another_seed_another(self, char: CharModel):
        texts = [
            text(answer(char_lm, char, ContinueText.ask(prompt="a", tokens=30, seed=seed)))
            for seed in (5, 5, 6)
        ]
        assert texts[0] == texts[1] != texts[2]

    def test_the_random_numbers_of_others_are_left_alone(self, char: CharModel):
        before = torch.get_rng_state()
        answer(char_lm, char, ContinueText.ask(prompt="a", tokens=8))
        assert torch.equal(torch.get_rng_state(), before)

    def test_events_may_be_taken_on_several_threads(self, char: CharModel):
        request = ContinueText.ask(prompt="To be", tokens=12)
        told: list[Any] = []
        stream = char_lm.continue_text(char, request)
        while not told or not isinstance(told[-1], Finished):
            end(start(lambda: told.append(next(stream))))
        assert told == events(char_lm, char, request)

    def test_a_poem_ends_by_itself_and_begins_with_its_form(self):
        char = model(vocabulary=VERSE, context=40)
        with torch.no_grad():
            char.network.token.weight[0] *= 8  # The end is likely.
        request = ContinueText.ask(prompt="明月光", tokens=200, temperature=1.0, top_p=1.0)
        output = answer(char_lm, char, request)
        assert output.details["ended"] == "by itself"
        assert output.details["tokens"] == len(text(output)) < 200
        assert "\n" not in text(output)
        assert output.details["prompt_tokens"] == 3

    @pytest.mark.parametrize(("prompt", "sign"), [("明月光，", "5"), ("明月光天山风", "7")])
    def test_the_sign_of_the_form_comes_first(self, prompt: str, sign: str):
        char = model(vocabulary=VERSE, context=40)
        request = ContinueText.ask(prompt=prompt, tokens=1, temperature=0.0)
        with torch.no_grad():
            logits, _ = char.network(torch.tensor([char.alphabet.encode(sign + prompt)]))
        expected = VERSE[int(logits[0, -1].argmax())]
        assert text(answer(char_lm, char, request)) == expected.strip()


class TestVisitors:
    def test_it_stops_within_a_character(self, char: CharModel):
        request = ContinueText.ask(prompt="To be", tokens=1000)
        passes = []
        char.network.register_forward_hook(lambda *_: passes.append(1))  # type: ignore[attr-defined]
        with closing(char_lm.continue_text(char, request)) as stream:
            while not isinstance(next(stream), Preview):
                pass
            assert len(passes) == 1
        assert len(passes) == 1
        short = request.model_copy(update={"tokens": 5})
        assert answer(char_lm, char, short).details["tokens"] == 5

    def test_a_build_never_waits_for_a_suspended_run(self, char: CharModel):
        asked = ContinueText.ask(prompt="a", tokens=3), TraceText.ask(prompt="a", tokens=3)
        for request in (*asked, ScoreText.ask(text="abc" * 20)):
            for _ in char_lm.ANSWERS[type(request)](char, request):
                end(start(lambda: build(char.placement.gate)))

    def test_two_interleaved_each_get_what_they_get_alone(self, char: CharModel):
        asked = [
            ContinueText.ask(prompt="To be", tokens=40, temperature=1.0, seed=1),
            ContinueText.ask(prompt="Romeo", tokens=40, temperature=1.0, seed=2),
            ContinueText.ask(prompt="To be", tokens=40, temperature=1.0, seed=3),
        ]
        alone = [events(char_lm, char, request) for request in asked]
        streams = [char_lm.continue_text(char, request) for request in asked]
        beside = list(zip(*streams, strict=True))
        assert [list(column) for column in zip(*beside, strict=True)] == alone

    def test_two_at_once_each_get_what_they_get_alone(self, char: CharModel):
        asked = [ContinueText.ask(prompt="abc", tokens=24, seed=seed) for seed in range(3)]
        alone = [text(answer(char_lm, char, request)) for request in asked]
        beside: dict[int, str] = {}

        def write(place: int) -> None:
            beside[place] = text(answer(char_lm, char, asked[place]))

        end(*[start(lambda place=place: write(place)) for place in range(3)])  # type: ignore[misc]
        assert [beside[place] for place in range(3)] == alone


def build(gate: Gate) -> None:
    with gate.building():
        pass


class TestScoring:
    @pytest.mark.parametrize("length", [1, CONTEXT, CONTEXT + 1, 45])
    def test_costs_are_those_of_the_whole_softmax(self, length: int, char: CharModel):
        words = ("To be, or not to be: that is the question. " * 9)[:length]
        output = answer(char_lm, char, ScoreText.ask(text=words))
        figures = numbers(output)
        assert figures.shape == (3, length)
        assert figures.dtype == np.float32
        assert np.isnan(figures[:, 0]).all()
        ids = char.alphabet.encode(words)
        for place in range(1, length):
            p = following(char, ids[:place])
            cost, entropy, rank = figures[:, place]
            assert cost == pytest.approx(-math.log(p[ids[place]]), abs=1e-3)
            assert entropy == pytest.approx(-float(np.sum(p * np.log(p))), abs=1e-3)
            assert rank == 1 + np.sum(p > p[ids[place]])
        details = output.details
        assert details["tokens"] == list(words)
        assert details["characters"] == length - 1
        assert details["nats"] == pytest.approx(float(np.nansum(figures[0])), abs=1e-2)

    @pytest.mark.parametrize("context", [2, 3, 7, 16])
    @pytest.mark.parametrize("length", [1, 2, 3, 15, 16, 17, 50])
    def test_windows_tell_each_character_once_with_half_a_context_before(
        self, context: int, length: int
    ):
        from aigc_core.families.char_score import parts

        told = []
        for first, last, place in parts(length, context):
            assert last - first <= context
            for at in range(place + 1, min(last + 1, length)):
                told.append(at)
                assert at - first >= min(at, context // 2)
        assert told == list(range(1, length))

    def test_a_poems_first_character_has_a_cost_after_its_form(self):
        char = model(vocabulary=VERSE, context=40)
        output = answer(char_lm, char, ScoreText.ask(text="明月光，天山。"))
        figures = numbers(output)
        assert np.isfinite(figures).all()
        assert output.details["characters"] == 7 == figures.shape[1]
        p = following(char, char.alphabet.encode("5"))
        assert figures[0, 0] == pytest.approx(-math.log(p[VERSE.index("明")]), abs=1e-3)

    @pytest.mark.parametrize("kind", ["transformer", "lstm"])
    def test_thousands_of_characters_with_progress(self, kind: str):
        char = model(kind, context=128)
        told = events(char_lm, char, ScoreText.ask(text="abcdefg " * 500))
        steps = [e.step for e in told if isinstance(e, Progress)]
        assert steps == sorted(set(steps))
        assert (steps[0], steps[-1]) == (0, 4000)
        assert len(steps) > 10

    def test_unknown_characters_are_left_out(self, char: CharModel):
        a, b = (answer(char_lm, char, ScoreText.ask(text=t)) for t in ("ab你c", "abc"))
        assert (a.details["left_out"], b.details["left_out"]) == ("你", "")
        assert np.array_equal(numbers(a), numbers(b), equal_nan=True)


def following(char: CharModel, ids: list[int]) -> np.ndarray:
    """The next character's probabilities, by one pass over what may be looked at."""
    if char.context:
        # The window in which `parts` tells of this place.
        half, start = char.context // 2, 0
        while start + char.context < len(ids):
            start += half
        ids = ids[start:]
    with torch.no_grad():
        logits, _ = char.network(torch.tensor([ids]))
    return logits[0, -1].double().softmax(-1).numpy()


class TestTracing:
    def test_it_writes_what_continuing_writes(self, char: CharModel):
        for way in WAYS:
            traced = answer(char_lm, char, TraceText.ask(prompt="To be", tokens=14, **way))
            plain = answer(char_lm, char, ContinueText.ask(prompt="To be", tokens=14, **way))
            assert text(traced) == text(plain)
            steps = traced.details.pop("steps")
            assert traced.details == plain.details
            assert "".join(step["text"] for step in steps) == text(plain)

    @pytest.mark.parametrize("way", WAYS, ids=str)
    def test_the_candidates_and_their_probabilities(self, way: dict[str, Any], char: CharModel):
        request = TraceText.ask(prompt="To be", tokens=5, candidates=6, **way)
        steps = answer(char_lm, char, request).details["steps"]
        ids = char.alphabet.encode("To be")
        for step in steps:
            with torch.no_grad():
                logits = char.network(torch.tensor([ids]))[0][:, -1]
            p = logits[0].softmax(-1)
            if request.temperature:
                q = shaped(logits, request, ids)[0].softmax(-1)
            else:
                q = torch.zeros_like(p)
                q[shaped(logits, request, ids)[0].argmax()] = 1.0
            assert len(step["candidates"]) == 6
            ps = [c[2] for c in step["candidates"]]
            assert ps == sorted(ps, reverse=True)
            best = p.topk(6).indices.tolist()
            numbers = [c[0] for c in step["candidates"]]
            assert step["id"] in numbers
            assert numbers[:5] == best[:5]
            for number, character, own, drawn in step["candidates"]:
                assert character == PROSE[number]
                assert own == pytest.approx(float(p[number]), abs=1e-4)
                assert drawn == pytest.approx(float(q[number]), abs=1e-4)
            assert step["entropy"] == pytest.approx(
                float(torch.distributions.Categorical(probs=p).entropy()), abs=1e-3
            )
            ids.append(step["id"])

    def test_what_is_forced_as_it_would_be_drawn_changes_nothing(self, char: CharModel):
        request = TraceText.ask(prompt="To be", tokens=12, temperature=1.2, seed=7)
        free = answer(char_lm, char, request)
        ids = [str(step["id"]) for step in free.details["steps"]]
        for count in (1, 5, 12):
            chosen = request.model_copy(update={"chosen": " ".join(ids[:count])})
            assert answer(char_lm, char, chosen) == free

    def test_a_branch(self, char: CharModel):
        forced = [PROSE.index(c) for c in "qzx"]
        request = TraceText.ask(prompt="To be", tokens=10, chosen=" ".join(map(str, forced)))
        output = answer(char_lm, char, request)
        assert text(output).startswith("qzx")
        assert [step["id"] for step in output.details["steps"][:3]] == forced
        for step in output.details["steps"]:
            assert step["id"] in [c[0] for c in step["candidates"]]

    def test_numbers_that_are_none_are_refused(self, char: CharModel):
        for chosen, said in ((str(len(PROSE)), str(len(PROSE) - 1)), ("x", "x"), ("-1", "-1")):
            with pytest.raises(InvalidRequest) as caught:
                answer(char_lm, char, TraceText.ask(prompt="a", chosen=chosen))
            assert all(said in words for words in caught.value.text)
        with pytest.raises(InvalidRequest):
            answer(char_lm, char, TraceText.ask(prompt="a", chosen="1 2 3", tokens=2))


class TestBadInput:
    @pytest.mark.parametrize("name", HOSTILE)
    def test_strange_texts_are_answered_or_refused_in_words(self, name: str, char: CharModel):
        for request in (
            ContinueText.ask(prompt=HOSTILE[name], tokens=4),
            ScoreText.ask(text=HOSTILE[name]),
            TraceText.ask(prompt=HOSTILE[name], tokens=4),
        ):
            output = answer(char_lm, char, request)
            assert all(c.isprintable() for c in output.details["left_out"])

    @pytest.mark.parametrize("prompt", ["你好", "🦉", "é", "\u200d"])
    def test_where_nothing_is_known_it_says_so(self, prompt: str, char: CharModel):
        for request in (ContinueText.ask(prompt=prompt), ScoreText.ask(text=prompt)):
            with pytest.raises(InvalidRequest) as caught:
                answer(char_lm, char, request)
            assert "A–Z" in caught.value.text.en

    @pytest.mark.parametrize("prompt", ["", "\0\x01", "x" * 1_000_000])
    def test_empty_and_endless_texts_are_refused_by_the_request(self, prompt: str):
        for ask in (
            lambda: ContinueText.ask(prompt=prompt),
            lambda: ScoreText.ask(text=prompt),
            lambda: TraceText.ask(prompt=prompt),
        ):
            with pytest.raises(InvalidRequest):
                ask()

    def test_the_longest_text_is_read(self):
        char = model(context=256)
        output = answer(char_lm, char, ContinueText.ask(prompt="ab " * 6666, tokens=4))
        assert output.details["cut"] == 3 * 6666 - 256


def test_families_answer_what_their_networks_can():
    assert set(char_attention.ANSWERS) - set(char_lm.ANSWERS) == set(char_attention.HEADS)
