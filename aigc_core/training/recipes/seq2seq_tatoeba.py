"""The Transformer that translates, both ways, on Tatoeba's pairs. Two hours on one core."""

from aigc_core.data.tatoeba import LONGEST, WORDS, examples, files, tokenizer
from aigc_core.families.translator import Translator
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.translation import NextWord

SENTENCES = (
    ("zh", "The old man sat by the river and waited for his friend."),
    ("zh", "I don't know what to do tomorrow."),
    ("en", "我不知道明天该做什么。"),
    ("en", "他每天早上喝一杯咖啡。"),
)


def objective() -> NextWord:
    network = Seq2SeqTransformer(
        words=WORDS, width=192, inner=512, layers=4, heads=4, dropout=0.25, longest=LONGEST
    )
    return NextWord(network, smoothing=0.1, blank=0.1, parts=4, shown=shown)


def shown(network: Seq2SeqTransformer) -> str:
    """A few translations, to follow the training by."""
    translator = Translator(network, tokenizer())
    return "".join(f"{text}\n    {translator.translate([text], to)[0]}\n" for to, text in SENTENCES)


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
    steps=8_000,
    ema=0.999,
    half=True,
    files=files,
)
