"""The Transformer that translates, both ways, on Tatoeba's pairs. About two hours on two cores."""

import torch

from aigc_core.data.subwords import END, START, TO_CHINESE, TO_ENGLISH
from aigc_core.data.tatoeba import WORDS, examples, tokenizer
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.translation import NextWord

SENTENCES = (
    (TO_CHINESE, "The old man sat by the river and waited for his friend."),
    (TO_CHINESE, "I don't know what to do tomorrow."),
    (TO_ENGLISH, "我不知道明天该做什么。"),
    (TO_ENGLISH, "他每天早上喝一杯咖啡。"),
)


def objective() -> NextWord:
    return NextWord(Seq2SeqTransformer(words=WORDS, dropout=0.2), shown=shown)


def shown(network: Seq2SeqTransformer) -> str:
    """A few translations, to follow the training by."""
    learned = tokenizer()
    start, end = learned.token_to_id(START), learned.token_to_id(END)
    lines = []
    for to, text in SENTENCES:
        source = [learned.token_to_id(to), *learned.encode(text).ids, end]
        best = network.translate(torch.tensor(source), start=start, end=end)[0]
        lines.append(f"{text}\n    {learned.decode(best.words)}\n")
    return "".join(lines)


RECIPE = Recipe(
    name="seq2seq-tatoeba",
    objective=objective,
    data=examples,
    optimisers={
        "model": Optimiser(
            lr=1.5e-3, betas=(0.9, 0.98), weight_decay=0.05, cooldown=0.8, warmup=500, clip=1.0
        )
    },
    ships="model",
    batch=128,
    steps=16_000,
    ema=0.999,
    half=True,
)
