import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import torch

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import causal_lm
from aigc_core.families.causal_lm import load
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_writing import CUT, READING, WRITING, continue_text
from aigc_core.families.text_stream import CUT_OFF
from aigc_core.footprint import Rung
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks import ContinueText
from tests.waiting import end, start

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

Downloaded = Callable[[str], Entry]
NAMES = ("qwen3", "gpt2")
PROMPTS = ("Once upon a time", "从前有一座灯塔", "a", "x = {'k': 1}\n\tprint(x) 👩‍👩‍👧 " * 5)
ASKED = ContinueText.ask(prompt="Once upon a time", tokens=24, temperature=0.8, top_p=0.9, seed=5)


def placement(rung: Rung = "full", **changes: Any) -> Placement:
    return replace(Placement("cpu", "float32", Gate(), batching=True, rung=rung), **changes)


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded(request.param), placement())
    yield made
    made.close()


@pytest.fixture(scope="module")
def qwen(downloaded: Downloaded) -> Iterator[LoadedText]:
    made = load(downloaded("qwen3"), placement())
    yield made
    made.close()


def finished(events: list[FamilyEvent]) -> Output:
    (*_, last) = events
    assert isinstance(last, Finished)
    (output,) = last.outputs
    return output


def written(model: LoadedText, request: ContinueText) -> str:
    media = finished(list(continue_text(model, request))).media
    assert isinstance(media, Writing)
    return media.text


def generated(model: LoadedText, prompt: str, **settings: Any) -> str:
    """What the library's own loop writes."""
    ids = model.tokenizer(prompt, return_tensors="pt").input_ids
    with torch.inference_mode():
        whole = model.network.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    return str(model.tokenizer.decode(whole[0, ids.shape[1] :], skip_special_tokens=True))


class Forwards:
    """Counts the steps of a network."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.count = 0
        self.hook = network.register_forward_hook(self)

    def __call__(self, *_: Any) -> None:
        self.count += 1

    def __enter__(self) -> "Forwards":
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.remove()


class TestWriting:
    @pytest.mark.parametrize("prompt", PROMPTS)
    def test_greedy_is_what_generate_writes(self, prompt: str, model: LoadedText):
        ours = written(model, ContinueText.ask(prompt=prompt, tokens=40, temperature=0))
        assert ours == generated(model, prompt, do_sample=False, max_new_tokens=40)

    @pytest.mark.parametrize(
        "changes",
        [
            {"temperature": 0.7, "top_p": 0.9},
            {},
            {"temperature": 1.5, "top_p": 0.3},
            {"top_k": 5},
            {"temperature": 1.6, "min_p": 0.2},
            {"repetition_penalty": 1.4},
            {
                "temperature": 1.7,
                "top_k": 30,
                "top_p": 0.8,
                "min_p": 0.02,
                "repetition_penalty": 1.2,
            },
        ],
        ids=lambda changes: "+".join(changes) or "none",
    )
    def test_sampling_is_what_generate_draws(self, changes: dict[str, Any], model: LoadedText):
        settings = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, **changes}
        ours = written(model, ContinueText.ask(prompt="The sea", tokens=32, seed=11, **settings))
        torch.manual_seed(11)
        theirs = generated(model, "The sea", do_sample=True, max_new_tokens=32, **settings)
        assert ours == theirs

    def test_the_penalty_counts_for_the_likeliest_token_too(self, model: LoadedText):
        settings = {"temperature": 0, "repetition_penalty": 1.5}
        ours = written(model, ContinueText.ask(prompt="The sea", tokens=32, **settings))
        theirs = generated(
            model, "The sea", do_sample=False, max_new_tokens=32, repetition_penalty=1.5
        )
        assert ours == theirs
        assert ours != written(model, ContinueText.ask(prompt="The sea", tokens=32, temperature=0))

    def test_a_seed_gives_one_text_and_another_seed_another(self, model: LoadedText):
        texts = [written(model, ASKED.model_copy(update={"seed": seed})) for seed in (5, 5, 6)]
        assert texts[0] == texts[1] != texts[2]

    def test_the_random_numbers_of_others_are_left_alone(self, qwen: LoadedText):
        before = torch.get_rng_state()
        written(qwen, ASKED)
        assert torch.equal(torch.get_rng_state(), before)

    def test_every_token_is_told(self, model: LoadedText):
        first, read, begun, *told, last = continue_text(model, ASKED)
        prompt = len(model.encode(ASKED.prompt))
        assert first == Progress(0, prompt, READING)
        assert read == Progress(prompt, prompt, READING)
        assert begun == Progress(0, 24, WRITING)
        assert [event.step for event in told if isinstance(event, Preview)] == list(range(1, 25))
        assert len(told) == 24
        output = finished([last])
        assert output.seed == 5
        assert output.tolerance == 0
        assert output.details == {
            "prompt_tokens": prompt,
            "tokens": 24,
            "ended": "at the limit",
        }

    def test_half_characters_are_not_shown(self, qwen: LoadedText):
        # Each of these takes three bytes, and each byte a token of its own.
        tokens = qwen.encode("灯塔")
        qwen_text = [qwen.decode([], tokens[:count]) for count in range(len(tokens) + 1)]
        assert any(text.endswith(CUT_OFF) for text in qwen_text)
        for event in continue_text(qwen, ASKED):
            if isinstance(event, Preview):
                assert isinstance(event.media, Writing)
                assert not event.media.text.endswith(CUT_OFF)

    def test_it_ends_where_the_model_does(self, qwen: LoadedText):
        greedy = ContinueText.ask(prompt="The sea", tokens=40, temperature=0)
        tokens = qwen.encode(written(qwen, greedy))
        ids = qwen.tokenizer("The sea", return_tensors="pt").input_ids
        theirs = qwen.network.generate(ids, do_sample=False, max_new_tokens=40)[0, ids.shape[1] :]
        stop = int(theirs[7])
        place = theirs.tolist().index(stop)
        output = finished(list(continue_text(replace(qwen, ends=frozenset([stop])), greedy)))
        assert output.details["ended"] == "by itself"
        assert output.details["tokens"] == place < len(tokens)

    def test_its_own_end_tokens_are_known(self, downloaded: Downloaded, qwen: LoadedText):
        assert qwen.ends == {qwen.tokenizer.eos_token_id}
        assert qwen.context == 512

    def test_events_may_be_taken_on_several_threads(self, qwen: LoadedText):
        events: list[FamilyEvent] = []
        stream = continue_text(qwen, ASKED)
        while not events or not isinstance(events[-1], Finished):
            end(start(lambda: events.append(next(stream))))
        assert finished(events).media == Writing(written(qwen, ASKED))

    def test_many_write_at_once(self, model: LoadedText):
        asked = [
            ContinueText.ask(prompt=prompt, tokens=32, temperature=0.9, seed=seed)
            for seed, prompt in enumerate(PROMPTS)
        ]
        alone = [written(model, request) for request in asked]
        beside: dict[int, str] = {}

        def write(place: int) -> None:
            beside[place] = written(model, asked[place])

        threads = [start(lambda place=place: write(place)) for place in range(len(asked))]  # type: ignore[misc]
        end(*threads)
        assert [beside[place] for place in range(len(asked))] == alone


class TestPrompts:
    def test_a_cpu_reads_in_small_pieces(self, qwen: LoadedText):
        assert qwen.piece == causal_lm.CPU_PIECE < causal_lm.PIECE
        assert len(qwen.encode(PROMPTS[-1])) > qwen.piece

    def test_what_does_not_fit_is_cut_from_the_left_and_told(self, model: LoadedText):
        asked = ContinueText.ask(prompt="从前有一座灯塔。" * 200, tokens=20, temperature=0)
        tokens = model.encode(asked.prompt)
        events = list(continue_text(model, asked))
        output = finished(events)
        assert output.details["cut"] == len(tokens) + 20 - model.context > 0
        assert output.details["tokens"] == 20
        assert events[0] == Progress(0, model.context - 20, CUT.fill(count=output.details["cut"]))
        last = torch.tensor([tokens[output.details["cut"] :]])
        whole = model.network.generate(last, do_sample=False, max_new_tokens=20)
        assert output.media == Writing(model.decode(tokens, whole[0, last.shape[1] :].tolist()))

    def test_at_least_half_the_context_is_for_the_prompt(self, model: LoadedText):
        prompt = "灯" * model.context
        asked = ContinueText.ask(prompt=prompt, tokens=1000, temperature=0)
        details = finished(list(continue_text(model, asked))).details
        assert details["prompt_tokens"] == details["tokens"] == model.context // 2
        assert details["cut"] == len(model.encode(prompt)) - model.context // 2

    def test_what_a_tokenizer_puts_first_stays_first(self, qwen: LoadedText):
        first = qwen.encode("z")[0]

        class Beginning:
            """The tokenizer, with a token before every text."""

            bos_token_id = first

            def __call__(self, text: str, **settings: Any) -> Any:
                found = qwen.tokenizer(text, **settings)
                return {"input_ids": [first, *found["input_ids"]]}

        model = replace(qwen, tokenizer=Beginning(), context=20)
        prompt = model.encode("The lighthouse at the edge of the sea")
        assert model.first == first
        kept, cut = model.fitted(prompt, 6)
        assert kept == [first, *prompt[cut + 1 :]]
        assert len(kept) == 14 == len(prompt) - cut
        assert qwen.first is None

    def test_a_prompt_without_tokens_is_refused_in_words(self, qwen: LoadedText):
        with pytest.raises(InvalidRequest) as caught:
            next(continue_text(qwen, ContinueText.model_construct(prompt="")))
        assert "Write something" in caught.value.text.en
        assert "Shorten" not in caught.value.text.en
        assert "请写" in caught.value.text.zh

    def test_a_long_prompt_is_read_in_pieces_and_can_be_stopped_between(self, qwen: LoadedText):
        asked = ContinueText.ask(prompt="The sea. " * 20, tokens=16, temperature=0)
        whole = written(qwen, asked)
        small = replace(qwen, piece=32)
        total = len(qwen.encode(asked.prompt))
        told = [e for e in continue_text(small, asked) if isinstance(e, Progress)]
        reading = [e.step for e in told if e.note == READING]
        assert reading == [0, *range(32, total, 32), total]
        assert written(small, asked) == whole
        with Forwards(qwen.network) as forwards, closing(continue_text(small, asked)) as events:
            next(events), next(events)
        assert forwards.count == 1


class TestStopping:
    def test_it_stops_within_a_token_and_goes_on_with_others(self, model: LoadedText):
        before = written(model, ASKED)
        with Forwards(model.network) as forwards:
            events = continue_text(model, ASKED)
            while not isinstance(next(events), Preview):
                pass
            told = forwards.count
            events.close()
            assert forwards.count == told == 1
        assert written(model, ASKED) == before

    def test_a_build_never_waits_for_a_suspended_run(self, model: LoadedText):
        gate = model.placement.gate
        for _ in continue_text(model, ASKED):
            # Hangs if the run still is inside the gate.
            end(start(lambda: enter(gate)))


def enter(gate: Gate) -> None:
    with gate.building():
        pass


class TestHolding:
    @pytest.mark.parametrize("rung", ["group", "sequential"])
    @pytest.mark.parametrize("name", NAMES)
    def test_layers_that_come_and_go_write_the_same(
        self, name: str, rung: Rung, downloaded: Downloaded
    ):
        full = load(downloaded(name), placement())
        model = load(downloaded(name), placement(rung))
        assert rung in causal_lm.RUNGS
        assert {p.device.type for p in model.network.parameters()} == {"meta"}
        texts: list[str] = []
        threads = [start(lambda: texts.append(written(model, ASKED))) for _ in range(3)]
        end(*threads)
        assert set(texts) == {written(full, ASKED)}
        assert len(texts) == 3
        assert {p.device.type for p in model.network.parameters()} == {"meta"}

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
    def test_weights_take_the_placements_dtype(self, name: str, dtype: Any, downloaded: Downloaded):
        default = torch.get_default_dtype()
        model = load(downloaded(name), placement(dtype=dtype))
        assert {str(p.dtype) for p in model.network.parameters()} == {f"torch.{dtype}"}
        assert torch.get_default_dtype() == default
        assert written(model, ASKED)

    @pytest.mark.parametrize("rung", causal_lm.RUNGS)
    def test_a_closed_model_is_gone(self, rung: Rung, downloaded: Downloaded):
        model = load(downloaded("qwen3"), placement(rung))
        written(model, ASKED)
        network = weakref.ref(model.network)
        weights = [weakref.ref(p) for p in model.network.parameters()]
        model.close()
        gc.collect()
        assert network() is None
        assert not [weight for weight in weights if weight() is not None]

    def test_a_load_can_be_stopped_between_its_parts(self, downloaded: Downloaded):
        class Stopped(Exception):
            pass

        def step() -> None:
            raise Stopped

        with pytest.raises(Stopped):
            load(downloaded("qwen3"), placement(), step)


class TestMemory:
    def test_a_run_is_made_smaller_until_nothing_is_left_to_save(self, qwen: LoadedText):
        first = model = replace(qwen, piece=512)
        asked = ContinueText.ask(tokens=300)
        told = []
        while step := causal_lm.smaller(model, asked):
            model, asked, text = step
            told.append((model.piece, asked.tokens))
            assert all(str(told[-1][asked.tokens != 300]) in said for said in text)
        assert told == [(128, 300), (32, 300), (16, 300), (16, 150), (16, 75), (16, 64)]
        assert first.piece == 512

    def test_a_run_that_is_lessened_leaves_those_of_others_as_they_are(self, qwen: LoadedText):
        asked = ContinueText.ask(prompt="The sea. " * 40, tokens=8, temperature=0)
        before = written(qwen, asked)
        events = continue_text(qwen, asked)
        told = [next(events), next(events)]
        # Somebody else's run is made smaller while this one reads its prompt.
        step = causal_lm.smaller(qwen, asked)
        assert step is not None
        less, same, _ = step
        assert less.piece < qwen.piece == causal_lm.CPU_PIECE
        assert written(less, same) == before
        assert finished(told + list(events)).media == Writing(before)

    @pytest.mark.parametrize("name", NAMES)
    def test_the_reckoned_activations_cover_the_cache(self, name: str, downloaded: Downloaded):
        model = load(downloaded(name), placement())
        asked = ContinueText.ask(prompt="The sea. " * 15, tokens=64, temperature=0)
        caches: list[Any] = []
        step = model.step

        def watched(*values: Any) -> Any:
            token, cache = step(*values)
            caches.append(cache)
            return token, cache

        model.step = watched  # type: ignore[method-assign]
        written(model, asked)
        taken = sum(
            tensor.nbytes for layer in caches[-1].layers for tensor in (layer.keys, layer.values)
        )
        reckoned = causal_lm.activation_bytes(downloaded(name), asked)
        assert taken < reckoned < 40 * taken
        fewer = asked.model_copy(update={"tokens": 1})
        assert causal_lm.activation_bytes(downloaded(name), fewer) < reckoned

    def test_before_the_download_they_grow_with_the_weights(self, downloaded: Downloaded):
        entry = downloaded("qwen3")
        elsewhere = [
            entry.model_copy(update={"revision": "0" * 40, "weights": {"": numbers}})
            for numbers in (10**8, 10**10)
        ]
        small, large = map(causal_lm.activation_bytes, elsewhere)
        assert 10**7 < small < large < 4 * 10**10
