"""A vocabulary for English and Chinese: pieces of words, and single characters.

Byte pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) begins with characters
and joins the pair that is most frequent, again and again; frequent words become one piece, rare
ones several. A Chinese character is a word of its own, so it is never joined with another.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"
# Tokens that are not text. The first token of a source says into which language.
START, END, UNKNOWN, TO_ENGLISH, TO_CHINESE = SPECIAL = ("<s>", "</s>", "<unk>", "<en>", "<zh>")
HAN = r"[\p{Han}\x{3000}-\x{303F}\x{FF00}-\x{FFEF}]"


def learn_subwords(sentences: Iterable[str], words: int) -> "Tokenizer":
    """Learns a vocabulary of so many tokens; characters seen only once are unknown.

    The special tokens have the numbers from 0 in their order. The same sentences give the same
    vocabulary.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    sentences = list(sentences)
    characters = Counter(character for sentence in sentences for character in sentence)
    made = Tokenizer(models.BPE(unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(HAN), "isolated"),
            pre_tokenizers.Metaspace(prepend_scheme="never"),
            pre_tokenizers.Punctuation(),
        ]
    )
    made.decoder = decoders.Metaspace(prepend_scheme="never")
    trainer = trainers.BpeTrainer(
        vocab_size=words,
        special_tokens=list(SPECIAL),
        # Among equally frequent ones the library would choose at random: none are cut in two.
        limit_alphabet=sum(count > 1 for count in characters.values()),
        show_progress=False,
    )
    made.train_from_iterator(sentences, trainer)
    return plain(made)


def read_subwords(content: bytes) -> "Tokenizer":
    """The vocabulary in the bytes of a `tokenizer.json`.

    Raises:
        ValueError: they are none, or lack one of our special tokens.
    """
    from tokenizers import Tokenizer

    try:
        found = Tokenizer.from_buffer(content)
    except Exception as error:  # The library raises plain exceptions.
        raise ValueError(str(error)) from error
    if missing := [token for token in SPECIAL if found.token_to_id(token) is None]:
        raise ValueError(f"it lacks {missing}")
    return plain(found)


def plain(tokenizer: "Tokenizer") -> "Tokenizer":
    """A vocabulary to which `</s>` in a text is four characters, and no end."""
    tokenizer.encode_special_tokens = True
    return tokenizer


def number_of(tokenizer: "Tokenizer", token: str) -> int:
    """The number of a token that it has."""
    found = tokenizer.token_to_id(token)
    assert found is not None
    return int(found)


def encoded(tokenizer: "Tokenizer", sentences: Sequence[str]) -> list[list[int]]:
    return [found.ids for found in tokenizer.encode_batch(list(sentences))]
