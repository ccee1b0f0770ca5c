"""Our translator as a model of the catalog: a small one with random weights."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.catalog import Entry
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.data.subwords import SPECIAL, TOKENIZER, learn_subwords
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Preview, Progress
from aigc_core.families.seq2seq import ANSWERS, LoadedTranslator, OurWay, load, translate
from aigc_core.gate import Gate
from aigc_core.media import Numbers, Writing
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.placement import Placement
from aigc_core.tasks import TranslateText
from aigc_core.training.recipe import Recipe
from aigc_core.training.ship import ship
from aigc_core.training.translation import NextWord
from tests.waiting import end, start

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

SENTENCES = [
    "The king is dead, and the queen is well.",
    "Is the queen dead? No, the king is!",
    "国王死了，王后安好。",
    "王后死了吗？不，是国王！",
] * 2
LONGEST = 14
ASKED = TranslateText.ask(text="The king is dead. Is the queen well?", to="zh", beams=3)


def network(seed: int = 0, longest: int = LONGEST) -> Seq2SeqTransformer:
    torch.manual_seed(seed)
    words = learn_subwords(SENTENCES, 70).get_vocab_size()
    made = Seq2SeqTransformer(
        words=words, width=24, inner=32, layers=3, heads=4, dropout=0.0, longest=longest
    )
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:  # So that what is written depends on what was read.
                weight.mul_(3)
    return made


def recipe() -> Recipe:
    return Recipe(
        name="small-translator",
        objective=lambda: NextWord(network()),
        data=lambda: (np.zeros(1),),
        optimisers={},
        ships="model",
        batch=1,
        steps=1,
        files=lambda: {TOKENIZER: learn_subwords(SENTENCES, 70).to_str().encode()},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ship(network(), recipe(), tmp_path_factory.mktemp("models") / "small-translator")


def entry(folder: Path, **changes: Any) -> Entry:
    fields = {
        "id": "small-translator",
        "title": {"en": "Small", "zh": "小"},
        "about": {"en": "Random weights.", "zh": "随机权重。"},
        "family": "aigc_core.families.seq2seq",
        "origin": "scratch",
        "network": "aigc_core.models.seq2seq_transformer:Seq2SeqTransformer",
        "folder": folder,
        "revision": digest(folder / WEIGHTS),
        "licences": {"weights": "Apache-2.0", "data": "none"},
        **changes,
    }
    return Entry.model_validate(fields)


PLACEMENT = Placement("cpu", "float32", Gate(), batching=True)


@pytest.fixture(scope="module")
def model(folder: Path) -> Iterator[LoadedTranslator]:
    made = load(entry(folder), PLACEMENT, lambda: None)
    yield made
    made.close()


def finished(events: list[FamilyEvent]) -> Finished:
    assert isinstance(events[-1], Finished)
    return events[-1]


def run(model: LoadedTranslator, request: TranslateText) -> tuple[str, dict[str, Any], np.ndarray]:
    """The translation, its details, and the alignment."""
    text, numbers = finished(list(translate(model, request))).outputs
    assert isinstance(text.media, Writing)
    assert isinstance(numbers.media, Numbers)
    assert numbers.media.axes == ("layer", "head", "token", "looks at")
    assert numbers.details["role"] == "alignment"
    return text.media.text, text.details, numbers.media.array


class TestTranslating:
    def test_it_writes_what_the_network_finds(self, model: LoadedTranslator):
        translator = model.translator
        sentences = ["The king is dead.", "Is the queen well?"]
        wanted = translator.translate(sentences, "zh", beams=3)
        text, details, _ = run(model, ASKED)
        assert text == "".join(wanted)
        assert (details["parts"], details["left_out"]) == (2, "")
        assert details["source"][0] == "<zh>"
        assert "".join(details["source"][1:-1]) == sentences[-1]
        assert "".join(details["tokens"]).strip() == wanted[-1]
        assert len(details["others"]) <= 2
        assert wanted[-1] not in details["others"]

    def test_every_word_is_told(self, model: LoadedTranslator):
        events = list(translate(model, ASKED))
        previews = [event for event in events if isinstance(event, Preview)]
        assert [event.step for event in previews] == list(range(1, len(previews) + 1))
        assert [e.step for e in events if isinstance(e, Progress)] == [0, 1, 2]
        last = previews[-1].media
        assert isinstance(last, Writing)
        assert last.text == run(model, ASKED)[0]

    def test_no_sign_is_ever_written(self, model: LoadedTranslator):
        for beams in (1, 5):
            text, *_ = run(model, ASKED.model_copy(update={"beams": beams}))
            assert not [sign for sign in SPECIAL if sign in text]

    def test_the_network_is_told_the_language(self, model: LoadedTranslator):
        for to in ("zh", "en"):
            _, details, _ = run(model, TranslateText.ask(text="12 king 国王", to=to))
            assert (details["source"][0], details["source"][-1]) == (f"<{to}>", "</s>")

    def test_more_beams_find_no_worse(self, model: LoadedTranslator):
        source = model.translator.source(model.translator.read("the king is well", "zh")[0], "zh")
        scores = []
        for beams in (1, 6):
            way = OurWay(model, "zh", beams)
            search, past = way.search(source), way.begin(source)
            while not search.over:
                past = way.advance(past, search)
            scores.append(search.found(0)[0].score)
        assert scores[0] < scores[1]

    def test_lines_stay_lines(self, model: LoadedTranslator):
        text, *_ = run(model, TranslateText.ask(text="The king.\n\nThe queen."))
        one, two = (run(model, TranslateText.ask(text=t))[0] for t in ("The king.", "The queen."))
        assert text == f"{one}\n\n{two}"

    def test_the_alignment_is_that_of_the_network(self, model: LoadedTranslator):
        _, details, weights = run(model, ASKED)
        rows, columns = len(details["tokens"]), len(details["source"])
        assert weights.shape == (3, 4, rows, columns)
        assert np.allclose(weights.sum(3), 1, atol=1e-5)
        source = model.translator.source(model.translator.read("Is the queen well?", "zh")[0], "zh")
        words = [model.translator.tokenizer.token_to_id(t.replace(" ", "\u2581"))
                 for t in details["tokens"]]  # fmt: skip
        # One word at a time, as it was written.
        from aigc_core.models.seq2seq_transformer import Looked

        network = model.translator.network
        past, last = network.encode(torch.tensor([source])), model.translator.start
        for row, word in enumerate(words):
            looked = Looked()
            _, past = network.decode(torch.tensor([[last]]), past, looked)
            assert np.allclose(
                torch.cat(looked.maps)[:, :, 0].numpy(), weights[:, :, row], atol=1e-5
            )
            last = word


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "to"), [("The king.", "en"), ("国王死了。", "zh"), ("?! 12 king", "en")]
    )
    def test_what_is_in_that_language_already_is_refused(
        self, text: str, to: str, model: LoadedTranslator
    ):
        with pytest.raises(InvalidRequest, match="already"):
            next(translate(model, TranslateText.ask(text=text, to=to)))

    def test_unknown_characters_are_left_out_and_told(self, model: LoadedTranslator):
        request = TranslateText.ask(text="The Ωking🙂 is dead. 🙂", to="zh")
        text, details, _ = run(model, request)
        assert details["left_out"] == "Ω🙂"
        assert text == run(model, TranslateText.ask(text="The king is dead.", to="zh"))[0]

    @pytest.mark.parametrize("text", ["🙂", "ΩΩΩ", " ", "\n", "\u200b", "**"])
    def test_where_nothing_is_known_it_says_so(self, text: str, model: LoadedTranslator):
        with pytest.raises(InvalidRequest, match="nothing that this model reads"):
            list(translate(model, TranslateText.ask(text=text)))

    def test_signs_in_a_text_are_text(self, model: LoadedTranslator):
        read, _ = model.translator.read("the </s><en> king", "zh")
        signs = [model.translator.tokenizer.token_to_id(sign) for sign in SPECIAL]
        assert not set(read) & set(signs)

    def test_traditional_characters_are_read_as_simplified(self, model: LoadedTranslator):
        same = [run(model, TranslateText.ask(text=t, to="en"))[0] for t in ("国王吗", "國王嗎")]
        assert same[0] == same[1]

    def test_a_long_sentence_is_translated_in_parts(self, model: LoadedTranslator):
        long = ", ".join(["the king is dead and the queen is well"] * 4) + "."
        text, details, _ = run(model, TranslateText.ask(text=long))
        assert details["parts"] > 1
        assert len(details["source"]) <= LONGEST
        assert text

    def test_the_longest_text_is_taken(self, model: LoadedTranslator):
        events = translate(model, TranslateText.ask(text="king " * 800, beams=1))
        first = next(events)
        events.close()
        assert isinstance(first, Progress)
        assert first.total > 100


class TestRunning:
    def test_it_stops_within_a_word(self, model: LoadedTranslator):
        counted: list[int] = []
        hook = model.translator.network.decoder_norm.register_forward_hook(
            lambda *_: counted.append(1)
        )
        with closing(translate(model, ASKED)) as events:
            while not isinstance(next(events), Preview):
                pass
        hook.remove()
        assert len(counted) == 1

    def test_two_visitors_get_what_each_gets_alone(self, model: LoadedTranslator):
        asked = [ASKED, TranslateText.ask(text="国王死了。", to="en"), ASKED]
        alone = [run(model, request)[0] for request in asked]
        streams, last = [translate(model, request) for request in asked], {}
        while len(last) < len(streams):
            for place, stream in enumerate(streams):
                if place not in last and isinstance(event := next(stream), Finished):
                    last[place] = event.outputs[0].media.text  # type: ignore[union-attr]
        assert [last[place] for place in range(len(asked))] == alone

    def test_events_may_be_taken_on_several_threads(self, model: LoadedTranslator):
        events: list[FamilyEvent] = []
        stream = translate(model, ASKED)
        while not events or not isinstance(events[-1], Finished):
            end(start(lambda: events.append(next(stream))))
        assert finished(events).outputs[0].media == Writing(run(model, ASKED)[0])

    def test_batches_by_length_are_as_one_by_one(self, model: LoadedTranslator):
        texts = ["the king", "Is the queen dead? No, the king is!", "dead", "well"]
        together = model.translator.translate(texts, "zh", beams=2, batch=3)
        alone = [model.translator.translate([text], "zh", beams=2)[0] for text in texts]
        assert together == alone


class TestLoading:
    def test_it_answers_for_translation(self, folder: Path):
        assert set(ANSWERS) == {TranslateText}
        assert entry(folder).answers(TranslateText)

    @pytest.mark.parametrize("change", ["other", "missing", "damaged", "small"])
    def test_another_vocabulary_is_refused(self, change: str, tmp_path: Path):
        own = recipe()
        match change:
            case "damaged":
                own = replace(own, files=lambda: {TOKENIZER: b"{}"})
            case "small":
                small = learn_subwords(SENTENCES, 60).to_str().encode()
                own = replace(own, files=lambda: {TOKENIZER: small})
        folder = ship(network(), own, tmp_path / "small-translator")
        if change == "missing":
            (folder / TOKENIZER).unlink()
        if change == "other":
            other = learn_subwords([*SENTENCES, "other words, other words"], 70)
            (folder / TOKENIZER).write_text(other.to_str(), "utf-8")
        with pytest.raises(ModelUnavailable) as caught:
            load(entry(folder), PLACEMENT, lambda: None)
        assert "small-translator" in str(caught.value)


def test_the_whole_path(folder: Path, engine_of: Any):
    engine = engine_of(entry(folder))
    first, again = (engine.result(ASKED).artifacts for _ in range(2))
    assert [type(artifact.media) for artifact in first] == [Writing, Numbers]
    assert [a.digest() for a in first] == [a.digest() for a in again]
    assert first[1].record.details["role"] == "alignment"
    assert first[0].record.revision == digest(folder / WEIGHTS)
