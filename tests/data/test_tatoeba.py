"""Pairs of sentences, their vocabulary, and the rows that recipes train on."""

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from aigc_core.data import tatoeba
from aigc_core.data.subwords import SPECIAL, UNKNOWN, encoded, learn_subwords, read_subwords
from aigc_core.data.tatoeba import FILE, LONGEST, WORDS, bare, examples, load_pairs, tidy

here = pytest.mark.skipif(FILE.path() is None, reason="the pairs are not on this machine")

SENTENCES = [
    "The king is dead, and the queen is well.",
    "The queen is dead; the king is well.",
    "国王死了，王后安好。",
    "王后死了，国王安好！",
    "Is the king well?",
]


class TestTidy:
    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ("  I’m   fine.\n", "I'm fine."),
            ("“Yes,” he said.", '"Yes," he said.'),
            ("cafe\u0301", "café"),
        ],
    )
    def test_english(self, given: str, wanted: str):
        assert tidy(given, "en") == wanted

    @pytest.mark.parametrize(
        ("given", "wanted"),
        [
            ("我愛你.", "我爱你."),
            ("她說:「你好嗎?」", "她说：“你好吗？”"),
            ('他说"再见"!', "他说“再见”！"),
            ("現在7:30了,走吧", "现在7:30了，走吧"),
        ],
    )
    def test_chinese(self, given: str, wanted: str):
        assert tidy(given, "zh") == wanted


class TestVocabulary:
    def test_special_tokens_come_first_and_are_no_text(self):
        made = learn_subwords(SENTENCES, 60)
        assert [made.token_to_id(token) for token in SPECIAL] == list(range(len(SPECIAL)))
        for text in ("</s>", "<zh> king", "is<unk>"):
            assert not set(made.encode(text).ids) & {0, 1, 3, 4}

    def test_what_is_known_can_be_read_and_written_again(self):
        made = learn_subwords(SENTENCES * 2, 60)
        for sentence in SENTENCES:
            assert made.decode(made.encode(sentence).ids) == sentence

    def test_chinese_characters_are_never_joined(self):
        made = learn_subwords([*SENTENCES, *["国王国王国王"] * 50], 80)
        chinese = [token for token in made.get_vocab() if token[0] >= "\u4e00"]
        assert chinese
        assert all(len(token) == 1 for token in chinese)

    def test_what_was_seen_once_is_unknown(self):
        made = learn_subwords([*SENTENCES, "山"], 80)
        unknown = made.token_to_id(UNKNOWN)
        assert made.encode("山").ids == [unknown]
        assert unknown not in made.encode("王后").ids

    def test_the_same_sentences_give_the_same_vocabulary_in_every_process(self):
        code = (
            "from tests.data.test_tatoeba import SENTENCES\n"
            "from aigc_core.data.subwords import learn_subwords\n"
            "print(hash(learn_subwords(SENTENCES * 3, 70).to_str()))"
        )
        found = {
            subprocess.run(
                [sys.executable, "-c", code],
                capture_output=True,
                check=True,
                env={"PYTHONHASHSEED": "0", "PYTHONPATH": ":".join(sys.path)},
            ).stdout
            for _ in range(2)
        }
        assert len(found) == 1

    def test_it_is_read_from_its_bytes(self):
        made = learn_subwords(SENTENCES, 60)
        again = read_subwords(made.to_str().encode())
        for text in (*SENTENCES, "</s>"):
            assert again.encode(text).ids == made.encode(text).ids

    @pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"version": "1.0"}', b"[1]"])
    def test_bytes_that_are_none_are_refused(self, content: bytes):
        with pytest.raises(ValueError, match=r".+"):
            read_subwords(content)

    def test_one_without_our_signs_is_refused(self):
        from tokenizers import Tokenizer, models

        strange = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
        with pytest.raises(ValueError, match="lacks"):
            read_subwords(strange.to_str().encode())


@here
class TestPairs:
    def test_they_are_all_there(self):
        counts = {split: len(load_pairs(split)) for split in ("train", "test")}
        assert counts == {"train": 27_725, "test": 999}

    def test_no_sentence_of_the_test_stands_in_training(self):
        train, test = load_pairs("train"), load_pairs("test")
        for side in ("english", "chinese"):
            known = {bare(getattr(pair, side)) for pair in train}
            assert not known & {bare(getattr(pair, side)) for pair in test}

    def test_chinese_is_simplified(self):
        text = "".join(pair.chinese for split in ("train", "test") for pair in load_pairs(split))
        assert not set("這個們說嗎愛學國點時會來對") & set(text)

    def test_the_vocabulary_covers_them(self):
        tokenizer = tatoeba.tokenizer()
        assert tokenizer.get_vocab_size() == WORDS
        test = load_pairs("test")
        unknown = tokenizer.token_to_id(UNKNOWN)
        for side, most in (("english", 5), ("chinese", 60)):
            rows = encoded(tokenizer, [getattr(pair, side) for pair in test])
            assert sum(unknown in row for row in rows) <= most

    def test_every_pair_is_a_row_in_both_directions(self):
        source, target = examples()
        tokenizer = tatoeba.tokenizer()
        start, end, to_english, to_chinese = (
            tokenizer.token_to_id(token) for token in ("<s>", "</s>", "<en>", "<zh>")
        )
        assert source.shape == target.shape
        assert source.shape[1] == LONGEST
        assert len(source) > 2 * 27_725 * 0.99
        assert Counter(source[:, 0].tolist()).keys() == {to_english, to_chinese}
        assert set(target[:, 0].tolist()) == {start}
        for side in (source, target):
            lengths = (side >= 0).sum(1)
            assert (side[np.arange(len(side)), lengths - 1] == end).all()
            assert ((side >= 0) == (np.arange(LONGEST) < lengths[:, None])).all()
        into_chinese, into_english = source[0, 0], source[1, 0]
        assert (into_chinese, into_english) == (to_chinese, to_english)
        assert source[0, 1:].tolist() == target[1, 1:].tolist()
        assert target[0, 1:].tolist() == source[1, 1:].tolist()
        pair = load_pairs("train")[0]
        assert tokenizer.decode(source[0][source[0] > 4].tolist()) == pair.english
        assert tokenizer.decode(target[0][target[0] > 4].tolist()) == pair.chinese
