"""Summaries and answers that are taken from the text itself, by algorithms that learned nothing.

A summary is the sentences that the others of the text are most like. TextRank (Mihalcea & Tarau
2004, https://aclanthology.org/W04-3252) lets sentences recommend each other: with w the likeness of
two of them (here the cosine of their TF-IDF vectors), the scores are those of a reader who goes
from sentence to sentence in proportion to w and now and then starts anew anywhere,

    s_i = (1 - d) / n + d sum_j w_ji / (sum_k w_jk) s_j

An answer is the sentence of the passage that the question's words point to, by Okapi BM25
(Robertson et al. 1994): with f how often a word stands in the sentence and L its length,

    score = sum over words  idf f (k + 1) / (f + k (1 - b + b L / mean L))
"""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.chat_prompts import language_of
from aigc_core.families.sentences import Sentence, joined, sentences
from aigc_core.families.word_weights import cosines, terms
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.writing import AnswerQuestion, SummariseText
from aigc_core.text import Text

DAMPING, ROUNDS, CLOSE = 0.85, 100, 1e-6
K, B = 1.2, 0.75
# Sentences that are compared with each other; more than these are taken a few at a time.
MOST = 500
# As many sentences are quoted, if they score this share of the best.
QUOTED, NEAR = 3, 0.6

Events = Generator[FamilyEvent, None, None]

READING = Text("comparing the sentences", "正在比较各句")
NOTHING = Text("There is no sentence in the text.", "文本中没有句子。")
NOWHERE = Text(
    "No sentence of the passage has words of the question.", "文段中没有与问题用词相同的句子。"
)


@dataclass
class Extractor:
    """Nothing is loaded: the algorithms need the text alone."""

    placement: Placement

    def close(self) -> None:
        pass


def load(_entry: Entry, placement: Placement, step: Callable[[], None]) -> Extractor:
    """The algorithms; they work on the CPU."""
    step()
    return Extractor(Placement("cpu", placement.dtype, placement.gate, batching=False))


def summarise(model: Extractor, request: SummariseText) -> Events:
    """The sentences that stand for the text, in its order."""
    found = some(request.text)
    yield Progress(0, len(found), READING)
    with model.placement.gate.step():
        scores = text_rank([terms(sentence.text) for sentence in found])
    yield Progress(len(found), len(found), READING)
    best = sorted(np.argsort(-scores, kind="stable")[: request.sentences].tolist())
    chosen = [found[place] for place in best]
    summary = joined(request.text, chosen, [s.text for s in chosen], language_of(request.text))
    # Lines of the text that were apart are one paragraph here.
    summary = summary.replace("\n", " ")
    yield Preview(Writing(summary), step=len(chosen))
    details = {"sentences": [[s.start, s.end] for s in chosen], "of": len(found)}
    yield Finished((Output(Writing(summary), request.seed, details),))


def answer(model: Extractor, request: AnswerQuestion) -> Events:
    """The sentence of the passage that has most of the question's words, by their rarity."""
    found = some(request.passage)
    yield Progress(0, len(found), READING)
    with model.placement.gate.step():
        scores = bm25(terms(request.question), [terms(s.text) for s in found])
    yield Progress(len(found), len(found), READING)
    order = np.argsort(-scores, kind="stable")[:QUOTED].tolist()
    quoted = [found[place] for place in order if scores[place] > NEAR * scores[order[0]]]
    said = quoted[0].text if quoted else NOWHERE.say(language_of(request.question))
    yield Preview(Writing(said), step=1)
    details = {"quotes": [[s.start, s.end] for s in quoted]}
    yield Finished((Output(Writing(said), request.seed, details),))


def some(text: str) -> list[Sentence]:
    """The sentences of a text; a few neighbours as one where there are very many.

    Raises:
        InvalidRequest: there are none.
    """
    found = sentences(text)
    if not found:
        raise InvalidRequest(NOTHING)
    together = -(-len(found) // MOST)
    groups = [found[at : at + together] for at in range(0, len(found), together)]
    return [
        Sentence(group[0].start, group[-1].end, text[group[0].start : group[-1].end])
        for group in groups
    ]


def text_rank(counted: Sequence[Counter[str]]) -> np.ndarray:
    """The score of each sentence; they add up to 1."""
    likeness = cosines(counted)
    np.fill_diagonal(likeness, 0)
    n, out = len(likeness), likeness.sum(1, keepdims=True)
    # Who is like nobody recommends everybody.
    moves = np.where(out > 0, likeness / np.maximum(out, 1e-9), 1 / n)
    scores = np.full(n, 1 / n)
    for _ in range(ROUNDS):
        before, scores = scores, (1 - DAMPING) / n + DAMPING * scores @ moves
        if np.abs(scores - before).sum() < CLOSE:
            break
    return scores


def bm25(question: Counter[str], counted: Sequence[Counter[str]]) -> np.ndarray:
    """How well each sentence fits a question; 0 where it has none of its words."""
    n = len(counted)
    lengths = np.array([words.total() for words in counted], dtype=float)
    usual = B * lengths / max(lengths.mean(), 1e-9) + 1 - B
    scores = np.zeros(n)
    for term in question:
        f = np.array([words[term] for words in counted], dtype=float)
        holders = np.count_nonzero(f)
        idf = log(1 + (n - holders + 0.5) / (holders + 0.5))
        scores += idf * f * (K + 1) / (f + K * usual)
    return scores


ANSWERS: dict[type[Request], Answer] = {SummariseText: summarise, AnswerQuestion: answer}
