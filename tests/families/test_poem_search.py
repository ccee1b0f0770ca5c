"""The nearest poems against plain sets and a plain table."""

import random
import time

import pytest

from aigc_core.data.source import candidates
from aigc_core.data.tang import FILES, Poem, load_quatrains
from aigc_core.errors import DatasetMissing, InvalidRequest
from aigc_core.families import quatrains
from aigc_core.families.poem_search import Shelf, bare
from aigc_core.tasks import FindPoems
from tests.families.characters import VERSE, model, outputs, text

poems = pytest.mark.skipif(
    not all(path.is_file() for file in FILES.values() for path in candidates(file.name)[:1]),
    reason="the quatrains are not on this machine",
)


def share(a: str, b: str) -> float:
    first, second = ({text[n : n + 3] for n in range(len(text) - 2)} for text in (a, b))
    return len(first & second) / len(first) if first else 0.0


def longest(a: str, b: str) -> int:
    return max(
        (n - m for m in range(len(a)) for n in range(m + 1, len(a) + 1) if a[m:n] in b), default=0
    )


def some(count: int, rng: random.Random) -> list[Poem]:
    """Poems of very few kinds of characters, so that they share much."""
    return [
        Poem("a", str(n), "".join(rng.choices("春花秋月山，。", k=rng.randrange(3, 30))))
        for n in range(count)
    ]


def test_figures_are_those_of_plain_search():
    rng = random.Random(1)
    shelf = Shelf.of(some(60, rng))
    texts = [bare(poem.text) for poem in shelf.poems]
    for asked in [*texts[:10], "春", "春花", "雪雪雪", "秋月" * 30]:
        found = shelf.nearest(asked, 60)
        expected = {n: (share(asked, t), longest(asked, t)) for n, t in enumerate(texts)}
        for place, shared, run in found:
            assert (shared, run) == pytest.approx(expected[place])
        ranked = sorted(expected.values(), reverse=True)
        assert [row[1:] for row in found] == [pytest.approx(row) for row in ranked]
        best = shelf.nearest(asked, 3)
        assert [row[1:] for row in best] == [pytest.approx(row) for row in ranked[:3]]


@poems
class TestTraining:
    @pytest.fixture(scope="class")
    def verse(self):
        return model("lstm", VERSE)

    def find(self, verse, poem: str, count: int = 3):
        return outputs(quatrains.ANSWERS[FindPoems](verse, FindPoems.ask(poem=poem, count=count)))

    def test_a_training_poem_finds_itself(self, verse):
        known = load_quatrains("train", download=False)[1234]
        first, *_ = self.find(verse, known.text)
        assert text(first) == known.text
        assert first.details == {
            "shared": 1.0,
            "longest": len(bare(known.text)),
            "title": known.title,
            "author": known.author,
        }

    def test_a_famous_poem_in_another_edition(self, verse):
        first, second = self.find(verse, "床前明月光，疑是地上霜。举头望明月，低头思故乡。", 2)
        assert (first.details["title"], first.details["author"]) == ("静夜思", "李白")
        assert first.details["shared"] > second.details["shared"]
        assert first.details["longest"] == 10

    def test_it_is_quick_once_it_is_read(self, verse):
        self.find(verse, "明月")
        for poem in ("床前明月光，疑是地上霜。举头望明月，低头思故乡。", "明月" * 200):
            start = time.process_time()
            self.find(verse, poem, 20)
            assert time.process_time() - start < 0.3

    def test_without_a_chinese_character_there_is_nothing_to_find(self, verse):
        for poem in ("hello", "，。", "7"):
            with pytest.raises(InvalidRequest):
                self.find(verse, poem)


def test_where_the_poems_are_missing_it_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
):
    for name in ("AIGC_DATA_DIR", "AIGC_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(DatasetMissing) as caught:
        outputs(quatrains.ANSWERS[FindPoems](model("lstm", VERSE), FindPoems.ask()))
    assert "not on this machine" in caught.value.text.en
    assert "本机没有" in caught.value.text.zh
