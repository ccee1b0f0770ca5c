"""`python -m aigc_core.metrics.summaries MODEL`: how near summaries come to people's, by ROUGE.

ROUGE (Lin 2004, https://aclanthology.org/W04-1013) is the F-score of the words (1), the pairs of
words (2) and the longest common subsequence (L) that a summary shares with a person's; of several
people's the one that it is nearest to counts. Beside the model stands the first sentence of each
text, which is hard to beat.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aigc_core.data.scitldr import Abstract, load_abstracts
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.families.sentences import sentences
from aigc_core.media import Writing
from aigc_core.tasks import SummariseText

KINDS = ("rouge1", "rouge2", "rougeL")


class Rouge(NamedTuple):
    """Means over a corpus, in 0..100."""

    rouge1: float
    rouge2: float
    rougeL: float  # noqa: N815


def rouge(made: Sequence[str], wanted: Sequence[Sequence[str]]) -> Rouge:
    """The mean F-scores of summaries, each against some references."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(KINDS), use_stemmer=True)
    found = [scorer.score_multi(list(r), m) for m, r in zip(made, wanted, strict=True)]
    return Rouge(*(100 * sum(s[kind].fmeasure for s in found) / len(found) for kind in KINDS))


def summaries(engine: Engine, model: str, abstracts: Iterable[Abstract]) -> list[str]:
    """One sentence of a model for each abstract, by the usual path."""
    made = []
    for abstract in abstracts:
        request = SummariseText.ask(text=abstract.text, sentences=1, temperature=0)
        media = engine.result(request, model=model).artifacts[0].media
        assert isinstance(media, Writing)
        made.append(media.text)
    return made


def leads(abstracts: Iterable[Abstract]) -> list[str]:
    """The first sentence of each abstract."""
    return [sentences(abstract.text)[0].text for abstract in abstracts]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m aigc_core.metrics.summaries")
    parser.add_argument("model", help="a model that summarises, such as extractive")
    parser.add_argument("--count", type=int, help="abstracts (default: all 618 for tests)")
    options = parser.parse_args(arguments)
    try:
        abstracts = load_abstracts("test")[: options.count]
        made = summaries(Engine.default(batching=False), options.model, abstracts)
    except AigcError as error:
        print(error, file=sys.stderr)
        return 2
    wanted = [abstract.summaries for abstract in abstracts]
    print(f"SciTLDR-A, {len(abstracts)} abstracts for tests, one sentence each, mean F, stemmed")
    for name, texts in ((options.model, made), ("first sentence", leads(abstracts))):
        found = rouge(texts, wanted)
        print(f"{name:20} " + "  ".join(f"{k} {v:.2f}" for k, v in zip(KINDS, found, strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
