"""Encoder-decoders of the hub: stand-ins downloaded from loopback, against `generate`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
import torch

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import encoder_decoder, marian, t5
from aigc_core.families.encoder_decoder import LoadedPair
from aigc_core.families.marian import LoadedMarian, MarianWay
from aigc_core.families.sentences import sentences
from aigc_core.footprint import Rung
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks import AnswerQuestion, Request, SummariseText, TranslateText
from tests.waiting import end, start

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")
pytest.importorskip("sentencepiece")

Downloaded = Callable[[str], Entry]
ENGLISH = "the lighthouse stood at the edge of the sea"
CHINESE = "从前有一座灯塔立在海边"
TO_CHINESE = TranslateText.ask(text=ENGLISH, to="zh", beams=4)
TO_ENGLISH = TranslateText.ask(text=CHINESE, to="en", beams=4)
LONG = "Once upon a time a lighthouse stood at the edge of the sea. " * 12
SUMMARY = SummariseText.ask(text=ENGLISH, tokens=20, seed=4, temperature=0.9)


def placement(rung: Rung = "full") -> Placement:
    return Placement("cpu", "float32", Gate(), batching=True, rung=rung)


@pytest.fixture(scope="module")
def into_chinese(downloaded: Downloaded) -> Iterator[LoadedMarian]:
    made = marian.load(downloaded("marian-en-zh"), placement())
    yield made
    made.close()


@pytest.fixture(scope="module")
def into_english(downloaded: Downloaded) -> Iterator[LoadedMarian]:
    made = marian.load(downloaded("marian-zh-en"), placement())
    yield made
    made.close()


@pytest.fixture(scope="module")
def tiny(downloaded: Downloaded) -> Iterator[LoadedPair]:
    made = t5.load(downloaded("t5"), placement())
    yield made
    made.close()


def finished(events: list[FamilyEvent]) -> Output:
    (*_, last) = events
    assert isinstance(last, Finished)
    (output,) = last.outputs
    return output


def written(module: Any, model: LoadedPair, request: Request) -> str:
    media = finished(list(module.ANSWERS[type(request)](model, request))).media
    assert isinstance(media, Writing)
    return media.text


def told(model: LoadedMarian, request: TranslateText) -> dict[str, Any]:
    return finished(list(marian.translate(model, request))).details


class Calls:
    """Counts the steps of a decoder."""

    def __init__(self, model: LoadedPair) -> None:
        self.count = 0
        self.hook = model.network.get_decoder().register_forward_hook(self)

    def __call__(self, *_: Any) -> None:
        self.count += 1

    def __enter__(self) -> "Calls":
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.remove()


class TestMarian:
    @pytest.mark.parametrize("beams", [1, 2, 4, 7])
    @pytest.mark.parametrize("to", ["zh", "en"])
    def test_a_search_finds_what_generate_does(
        self, to: str, beams: int, into_chinese: LoadedMarian, into_english: LoadedMarian
    ):
        model = into_chinese if to == "zh" else into_english
        way = MarianWay(model, beams)
        for text in (ENGLISH, "the sea", "ships") if to == "zh" else (CHINESE, "海边", "灯塔"):
            source, left_out = way.read(text)
            assert left_out == []
            search, state = way.search(source), way.begin(source)
            while not search.over:
                state = way.advance(state, search)
            theirs = model.network.generate(
                torch.tensor([source]),
                num_beams=beams,
                num_return_sequences=beams,
                do_sample=False,
                max_new_tokens=search.longest,
                return_dict_in_generate=True,
                output_scores=True,
            )
            found = search.found(0)
            ended = {model.start, *model.ends}
            rows = [[w for w in row.tolist() if w not in ended] for row in theirs.sequences]
            assert [beam.words for beam in found] == rows
            if beams > 1:
                scores = [beam.score for beam in found]
                assert scores == pytest.approx(theirs.sequences_scores.tolist(), abs=1e-4)

    def test_it_is_told_which_chinese(self, into_chinese: LoadedMarian, into_english: LoadedMarian):
        source = told(into_chinese, TO_CHINESE)["source"]
        assert source[0] == ">>cmn_Hans<<"
        assert "".join(source[1:-1]).strip() == ENGLISH
        assert into_english.sign == ""
        assert "".join(told(into_english, TO_ENGLISH)["source"][:-1]).strip() == CHINESE

    def test_the_other_direction_is_refused(
        self, into_chinese: LoadedMarian, into_english: LoadedMarian
    ):
        for model, request in ((into_chinese, TO_ENGLISH), (into_english, TO_CHINESE)):
            with pytest.raises(InvalidRequest) as caught:
                next(marian.translate(model, request))
            assert "English" in caught.value.text.en
            assert "英文" in caught.value.text.zh
            assert model.id in caught.value.text.en

    def test_sentences_are_translated_one_by_one(self, into_chinese: LoadedMarian):
        one, two = "the sea.", "the rocks."
        together = TO_CHINESE.model_copy(update={"text": f"{one}\n{two}"})
        alone = [TO_CHINESE.model_copy(update={"text": text}) for text in (one, two)]
        parts = [written(marian, into_chinese, request) for request in alone]
        assert written(marian, into_chinese, together) == "\n".join(parts)
        events = list(marian.translate(into_chinese, together))
        assert [e.step for e in events if isinstance(e, Progress)] == [0, 1, 2]
        previews = [e for e in events if isinstance(e, Preview)]
        assert [e.step for e in previews] == list(range(1, len(previews) + 1))
        assert previews[-1].media == finished(events).media

    def test_what_is_unknown_is_told_and_left_out(self, into_chinese: LoadedMarian):
        request = TO_CHINESE.model_copy(update={"text": "the Ω sea"})
        details = told(into_chinese, request)
        assert details["left_out"] == "Ω"
        assert "<unk>" not in details["source"]

    @pytest.mark.parametrize("text", ["Ω", "🙂🙂", "  ", "字"])
    def test_where_nothing_can_be_read_it_says_so(self, text: str, into_chinese: LoadedMarian):
        with pytest.raises(InvalidRequest, match=r"nothing that this model reads|already"):
            list(marian.translate(into_chinese, TO_CHINESE.model_copy(update={"text": text})))

    def test_a_sentence_that_is_too_long_is_divided(self, into_chinese: LoadedMarian):
        text = ", ".join([ENGLISH] * 6)
        details = told(into_chinese, TO_CHINESE.model_copy(update={"text": text, "beams": 1}))
        assert details["parts"] > 1
        assert len(details["source"]) <= into_chinese.room == 96

    def test_it_stops_within_a_token(self, into_chinese: LoadedMarian):
        before = written(marian, into_chinese, TO_CHINESE)
        with (
            Calls(into_chinese) as calls,
            closing(marian.translate(into_chinese, TO_CHINESE)) as events,
        ):
            while not isinstance(next(events), Preview):
                pass
            assert calls.count == 1
        assert written(marian, into_chinese, TO_CHINESE) == before

    def test_two_visitors_get_what_each_gets_alone(self, into_chinese: LoadedMarian):
        asked = [TO_CHINESE.model_copy(update={"beams": beams}) for beams in (1, 4, 2)]
        alone = [written(marian, into_chinese, request) for request in asked]
        streams = [marian.translate(into_chinese, request) for request in asked]
        last: dict[int, Any] = {}
        while len(last) < len(streams):
            for place, stream in enumerate(streams):
                if place not in last and isinstance(event := next(stream), Finished):
                    last[place] = event.outputs[0].media
        assert [last[place] for place in range(3)] == [Writing(text) for text in alone]

    def test_fewer_beams_take_less_memory(self, into_chinese: LoadedMarian):
        beams, request = [], TranslateText.ask(beams=8)
        while step := marian.smaller(into_chinese, request):
            _, request, note = step
            beams.append(request.beams)
            assert all(str(request.beams) in said for said in note)
        assert beams == [4, 2, 1]

    def test_other_languages_are_refused(self, into_chinese: LoadedMarian):
        tokenizer = into_chinese.tokenizer
        assert marian.languages(tokenizer, "a/b") == ("en", "zh")
        tokenizer = replace_languages("", "")
        assert marian.languages(tokenizer, "Helsinki-NLP/opus-mt-zh-en") == ("zh", "en")
        assert marian.languages(tokenizer, "Helsinki-NLP/opus-mt-en-de") == ("en", None)
        assert marian.languages(replace_languages("fra", "eng"), "x/y") == (None, "en")


def replace_languages(source: str, target: str) -> Any:
    class Named:
        source_lang, target_lang = source, target

    return Named()


class TestT5:
    @pytest.mark.parametrize(
        "settings",
        [
            {"temperature": 0.0},
            {"temperature": 0.9, "top_p": 0.9, "top_k": 20},
            {"temperature": 1.3, "top_p": 1.0, "min_p": 0.02, "repetition_penalty": 1.4},
        ],
    )
    def test_it_writes_what_generate_does(self, settings: dict[str, float], tiny: LoadedPair):
        request = SUMMARY.model_copy(update=settings | {"sentences": 10, "seed": 7})
        source = tiny.encode(t5.SUMMARISE + ENGLISH)
        greedy = request.temperature == 0
        torch.manual_seed(7)
        theirs = tiny.network.generate(
            torch.tensor([source]),
            max_new_tokens=20,
            num_beams=1,
            do_sample=not greedy,
            repetition_penalty=request.repetition_penalty,
            **(
                {}
                if greedy
                else {
                    "temperature": request.temperature,
                    "top_p": request.top_p,
                    "top_k": request.top_k,
                    "min_p": request.min_p or None,
                }
            ),
        )[0]
        assert written(t5, tiny, request) == tiny.text_of(theirs.tolist()).strip()

    def test_every_token_is_told(self, tiny: LoadedPair):
        events = list(t5.summarise(tiny, SUMMARY))
        output = finished(events)
        previews = [e for e in events if isinstance(e, Preview)][:-1]
        assert [e.step for e in previews] == list(range(1, output.details["tokens"] + 1))
        assert output.seed == 4
        assert output.details["parts"] == 1
        assert {"prompt_tokens", "tokens", "ended"} <= output.details.keys()

    def test_a_seed_gives_one_text_and_another_seed_another(self, tiny: LoadedPair):
        texts = [written(t5, tiny, SUMMARY.model_copy(update={"seed": seed})) for seed in (1, 1, 2)]
        assert texts[0] == texts[1] != texts[2]

    def test_no_more_sentences_than_asked_for(self, tiny: LoadedPair):
        assert t5.shortened("One. Two. Three", 2) == "One. Two."
        assert t5.shortened("One", 2) == "One"
        for seed in range(4):
            request = SUMMARY.model_copy(update={"sentences": 1, "seed": seed, "tokens": 60})
            assert len(sentences(written(t5, tiny, request))) <= 1

    def test_a_long_text_is_summarised_by_parts(self, tiny: LoadedPair):
        parts = t5.chunks(tiny, LONG, 5)
        assert len(parts) > 2
        assert all(len(tiny.encode(part.text)) <= tiny.room - 5 for part in parts)
        assert "".join("".join(p.text for p in parts).split()) == "".join(LONG.split())
        output = finished(list(t5.summarise(tiny, SUMMARY.model_copy(update={"text": LONG}))))
        assert output.details["parts"] == len(t5.chunks(tiny, LONG, len(tiny.encode(t5.SUMMARISE))))
        assert output.details["prompt_tokens"] <= tiny.room

    def test_of_a_long_passage_it_reads_what_the_question_points_to(self, tiny: LoadedPair):
        passage = LONG + "The models learn from examples. " + LONG
        request = AnswerQuestion.ask(
            passage=passage, question="What do models learn from?", tokens=5, temperature=0
        )
        seen: list[str] = []
        encode = tiny.encode
        watched = replace(tiny)
        watched.encode = lambda text: seen.append(text) or encode(text)  # type: ignore[method-assign,func-returns-value]
        output = finished(list(t5.answer(watched, request)))
        assert output.details["parts"] > 2
        (prompt,) = [text for text in seen if text.startswith("Read this") and "?" in text]
        assert "models learn" in prompt
        assert output.details["prompt_tokens"] <= tiny.room
        for begin, stop in output.details["quotes"]:
            assert 0 <= begin < stop <= len(passage)

    @pytest.mark.parametrize("text", ["灯塔立在海边。", "🙂", "ΩΩΩ ΩΩ"])
    def test_a_language_that_it_does_not_read_is_refused(self, text: str, tiny: LoadedPair):
        asked = (
            SUMMARY.model_copy(update={"text": text}),
            AnswerQuestion.ask(passage=text, question="why"),
        )
        for request in asked:
            with pytest.raises(InvalidRequest, match="does not read the language"):
                list(t5.ANSWERS[type(request)](tiny, request))

    def test_it_stops_within_a_token(self, tiny: LoadedPair):
        with Calls(tiny) as calls, closing(t5.summarise(tiny, SUMMARY)) as events:
            while not isinstance(next(events), Preview):
                pass
            assert calls.count == 1

    def test_events_may_be_taken_on_several_threads(self, tiny: LoadedPair):
        events: list[FamilyEvent] = []
        stream = t5.summarise(tiny, SUMMARY)
        while not events or not isinstance(events[-1], Finished):
            end(start(lambda: events.append(next(stream))))
        assert finished(events).media == Writing(written(t5, tiny, SUMMARY))

    def test_memory_is_saved_until_little_is_left(self, tiny: LoadedPair):
        tokens, request = [], SUMMARY.model_copy(update={"tokens": 256})
        while step := t5.smaller(tiny, request):
            _, request, _ = step
            tokens.append(request.tokens)
        assert tokens == [128, 64, 32]


class TestHolding:
    @pytest.mark.parametrize("rung", ["group", "sequential"])
    @pytest.mark.parametrize("name", ["marian-en-zh", "t5"])
    def test_layers_that_come_and_go_write_the_same(
        self, name: str, rung: Rung, downloaded: Downloaded
    ):
        module, request = (t5, SUMMARY) if name == "t5" else (marian, TO_CHINESE)
        full = module.load(downloaded(name), placement())  # type: ignore[attr-defined]
        model = module.load(downloaded(name), placement(rung))  # type: ignore[attr-defined]
        assert {p.device.type for p in model.network.parameters()} == {"meta"}
        assert written(module, model, request) == written(module, full, request)

    @pytest.mark.parametrize("name", ["marian-en-zh", "t5"])
    def test_the_reckoned_activations_cover_the_cache(self, name: str, downloaded: Downloaded):
        module, request = (t5, SUMMARY) if name == "t5" else (marian, TO_CHINESE)
        model = module.load(downloaded(name), placement())  # type: ignore[attr-defined]
        caches: list[Any] = []
        step = model.step
        model.step = lambda *v, **k: caches.append(made := step(*v, **k)) or made  # type: ignore[func-returns-value]
        written(module, model, request)
        both = (caches[-1][1].self_attention_cache, caches[-1][1].cross_attention_cache)
        taken = sum(
            t.nbytes for c in both for layer in c.layers for t in (layer.keys, layer.values)
        )
        reckoned = module.activation_bytes(downloaded(name), request)
        assert taken < reckoned < 400 * taken

    def test_before_the_download_they_grow_with_the_weights(self, downloaded: Downloaded):
        elsewhere = [
            downloaded("t5").model_copy(update={"revision": "0" * 40, "weights": {"": numbers}})
            for numbers in (10**8, 10**10)
        ]
        small, large = (encoder_decoder.activation_bytes(entry, 100) for entry in elsewhere)
        assert 10**7 < small < large < 4 * 10**10

    def test_without_files_it_is_not_available(self, downloaded: Downloaded):
        entry = downloaded("t5").model_copy(update={"revision": "0" * 40})
        with pytest.raises(ModelUnavailable):
            t5.load(entry, placement())


def test_the_whole_path(downloaded: Downloaded, engine_of: Callable[..., Any]):
    engine = engine_of(*map(downloaded, ("marian-en-zh", "marian-zh-en", "t5")))
    assert engine.result(TO_CHINESE).artifacts[0].record.model == "marian-en-zh"
    for request, model in ((TO_ENGLISH, "marian-zh-en"), (SUMMARY, "t5")):
        (first,) = engine.result(request, model=model).artifacts
        (again,) = engine.result(request, model=model).artifacts
        assert first.media.text
        assert first.digest() == again.digest()
        assert first.record.details["dtype"] == "float32"
