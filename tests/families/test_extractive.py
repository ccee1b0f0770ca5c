"""Summaries and answers by algorithms, against their formulas solved otherwise."""

import time
from collections import Counter
from math import log, sqrt
from typing import Any

import numpy as np
import pytest

from aigc_core.catalog import Catalog
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families.extractive import (
    DAMPING,
    B,
    Extractor,
    K,
    answer,
    bm25,
    summarise,
    text_rank,
)
from aigc_core.families.word_weights import cosines, stem, terms
from aigc_core.gate import Gate
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks import AnswerQuestion, SummariseText

MODEL = Extractor(Placement("cpu", "float32", Gate(), batching=False))
TEXT = (
    "The lighthouse stood at the edge of the sea. My aunt likes tea. "
    "Every night the lighthouse told the ships where the rocks of the sea were. "
    "Ships passed the lighthouse at night. Nobody knew the price of bread.\n"
    "It rained on Tuesday."
)
CHINESE = "灯塔立在海边。我喜欢喝茶。每天夜里灯塔告诉船只礁石在哪里。船只夜里经过灯塔。面包很贵。"


def finished(events: list[FamilyEvent]) -> Output:
    (*_, last) = events
    assert isinstance(last, Finished)
    (output,) = last.outputs
    return output


def summary(**values: Any) -> Output:
    return finished(list(summarise(MODEL, SummariseText.ask(**values))))


def answered(**values: Any) -> Output:
    return finished(list(answer(MODEL, AnswerQuestion.ask(**values))))


def text_of(output: Output) -> str:
    assert isinstance(output.media, Writing)
    return output.media.text


class TestWords:
    def test_english_words_lose_their_endings_and_what_says_nothing_is_left_out(self):
        assert terms("The looks of Looking, it's 42!") == Counter({"look": 2, "it's": 1, "42": 1})
        assert [stem(w) for w in ("ships", "passed", "boxes", "was", "us", "king")] == [
            "ship", "pass", "box", "was", "us", "king",
        ]  # fmt: skip

    def test_chinese_words_are_pairs_of_characters(self):
        assert terms("灯塔在海边。好") == Counter(["灯塔", "塔在", "在海", "海边", "好"])

    def test_likeness_is_the_cosine_of_tf_idf(self):
        counted = [Counter("aab"), Counter("abc"), Counter("cd"), Counter("e"), Counter()]
        words = sorted({word for count in counted for word in count})

        def vector(count: Counter[str]) -> list[float]:
            holders = {w: sum(w in other for other in counted) for w in words}
            return [count[w] * log(1 + len(counted) / holders[w]) for w in words]

        def cosine(a: list[float], b: list[float]) -> float:
            size = sqrt(sum(x * x for x in a)) * sqrt(sum(x * x for x in b))
            return sum(x * y for x, y in zip(a, b, strict=True)) / size if size else 0.0

        vectors = list(map(vector, counted))
        wanted = [[cosine(a, b) for b in vectors] for a in vectors]
        assert np.allclose(cosines(counted), wanted, atol=1e-6)


class TestScores:
    def test_text_rank_solves_its_equation(self):
        counted = [Counter("aab"), Counter("abc"), Counter("cd"), Counter("e"), Counter("bcd")]
        likeness = cosines(counted).astype(float)
        np.fill_diagonal(likeness, 0)
        n = len(counted)
        moves = np.array([row / row.sum() if row.sum() else np.full(n, 1 / n) for row in likeness])
        wanted = np.linalg.solve(np.eye(n) - DAMPING * moves.T, np.full(n, (1 - DAMPING) / n))
        found = text_rank(counted)
        assert np.allclose(found, wanted, atol=1e-5)
        assert found.sum() == pytest.approx(1, abs=1e-5)

    def test_bm25_is_its_formula(self):
        counted = [Counter("aab"), Counter("bcdef"), Counter("b"), Counter()]
        mean = sum(c.total() for c in counted) / 4
        for row, count in enumerate(counted):
            wanted = 0.0
            for word in "ab":
                holders = sum(word in other for other in counted)
                idf = log(1 + (4 - holders + 0.5) / (holders + 0.5))
                f = count[word]
                wanted += idf * f * (K + 1) / (f + K * (1 - B + B * count.total() / mean))
            assert bm25(Counter("ab"), counted)[row] == pytest.approx(wanted)


class TestSummaries:
    def test_what_the_text_is_about_is_picked_in_its_order(self):
        output = summary(text=TEXT, sentences=2)
        assert text_of(output) == (
            "Every night the lighthouse told the ships where the rocks of the sea were. "
            "Ships passed the lighthouse at night."
        )
        assert output.details["of"] == 6
        for (begin, stop), sentence in zip(
            output.details["sentences"], text_of(output).split(". "), strict=True
        ):
            assert TEXT[begin:stop].startswith(sentence)

    def test_chinese_is_joined_without_spaces(self):
        text = text_of(summary(text=CHINESE, sentences=3))
        assert text == "灯塔立在海边。每天夜里灯塔告诉船只礁石在哪里。船只夜里经过灯塔。"

    @pytest.mark.parametrize("text", ["One sentence", "One.", "一句。", "🙂", "<b>x</b>", "1 2 3"])
    def test_a_single_sentence_is_its_own_summary(self, text: str):
        assert text_of(summary(text=text, sentences=3)) == text

    def test_more_sentences_than_there_are_give_the_text(self):
        assert text_of(summary(text=TEXT, sentences=10)) == TEXT.replace("\n", " ")

    def test_its_events(self):
        events = list(summarise(MODEL, SummariseText.ask(text=TEXT)))
        assert [type(event) for event in events] == [Progress, Progress, Preview, Finished]

    @pytest.mark.parametrize("text", ["a. " * 6600, "灯。" * 9999, "word " * 4000, "\n" * 5 + "x"])
    def test_long_texts_take_no_long(self, text: str):
        begun = time.process_time()
        assert text_of(summary(text=text, sentences=1))
        assert time.process_time() - begun < 3

    def test_a_text_without_a_sentence_is_refused(self):
        for request, run in (
            (SummariseText.ask(text=" \n "), summarise),
            (AnswerQuestion.ask(passage="\n", question="why"), answer),
        ):
            with pytest.raises(InvalidRequest, match="no sentence"):
                next(run(MODEL, request))  # type: ignore[operator]


class TestAnswers:
    @pytest.mark.parametrize(
        ("passage", "question", "wanted"),
        [
            (TEXT, "What did my aunt like?", "My aunt likes tea."),
            (TEXT, "the price of bread?", "Nobody knew the price of bread."),
            (CHINESE, "面包贵吗？", "面包很贵。"),
        ],
    )
    def test_the_sentence_is_found(self, passage: str, question: str, wanted: str):
        output = answered(passage=passage, question=question)
        assert text_of(output) == wanted
        (begin, stop), *_ = output.details["quotes"]
        assert passage[begin:stop] == wanted

    def test_others_that_fit_nearly_as_well_are_quoted_too(self):
        output = answered(passage=TEXT, question="lighthouse ships night")
        assert 1 < len(output.details["quotes"]) <= 3

    @pytest.mark.parametrize(("question", "start"), [("Who is Zoe?", "No"), ("谁是佐伊？", "文段")])
    def test_where_nothing_fits_it_says_so(self, question: str, start: str):
        output = answered(passage=TEXT, question=question)
        assert text_of(output).startswith(start)
        assert output.details["quotes"] == []


def test_it_stands_in_the_catalog_and_needs_nothing(engine_of: Any):
    entry = Catalog.default().find("extractive")
    assert entry.origin == "algorithm"
    assert entry.problem() is None
    assert (entry.file_bytes, entry.parameters, entry.is_data) == (0, 0, False)
    for request in (SummariseText, AnswerQuestion):
        assert entry in Catalog.default().answering(request)
    (artifact,) = engine_of(entry).result(SummariseText.ask(text=TEXT)).artifacts
    assert artifact.record.device == "cpu"
    assert artifact.media == summary(text=TEXT).media
