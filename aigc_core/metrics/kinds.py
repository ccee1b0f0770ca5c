"""Which figures of a model come first, and what stands beside them, by what kind of model it is.

Imports nothing heavy.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aigc_core.metrics.card import Card
from aigc_core.text import Text

BESIDE = Text("{value} ({name} {floor})", "{value}（{name} {floor}）")


@dataclass(frozen=True)
class Kind:
    """How the cards of one kind of model are told.

    Args:
        line: the figures that stand under an answer, and whether the floor stands beside each.
        beside: what the floors are, as the head of their column.
        short: the same in brackets, behind a figure.
        lede: what the figures are, in one sentence; `{n}` is the first figure's `n`.
    """

    line: Mapping[str, bool]
    beside: Text
    short: Text
    lede: Text


DIGITS = Kind(
    # FID means nothing without the floor beside it; the others speak for themselves.
    line={"fid": True, "label_accuracy": False},
    beside=Text("real digits", "真实数字"),
    short=Text("real", "真实"),
    lede=Text(
        "{n} pictures of the model against the training digits, and as many real test digits "
        "measured in the same way: a figure says little without what real data score.",
        "以模型生成的 {n} 幅图与训练数字比较，并以同样方法测量等量的真实测试数字。"
        "单看指标而不知真实数据的得分，说明不了什么。",
    ),
)
TRANSLATION = Kind(
    line={"bleu_en_zh": True, "chrf_en_zh": True, "bleu_zh_en": True},
    beside=Text("word by word", "逐词翻译"),
    short=Text("word by word", "逐词"),
    lede=Text(
        "{n} pairs of sentences, neither side of which stands in the training data, translated by "
        "the model and, beside it, word by word with a lexicon learned from the same training.",
        "{n} 对句子，任何一方都未出现在训练数据中：由模型翻译，"
        "并与用同样训练数据学得的词表逐词翻译的结果对照。",
    ),
)
LATENT = Kind(
    line={"line_nll": True, "line_rate": False, "reconstruction": False},
    beside=Text("no latent", "无潜变量"),
    short=Text("no latent", "无潜变量"),
    lede=Text(
        "{n} lines of poems that the model was not trained on. A decoder that ignores its latent "
        "has a rate of 0; beside the figures stands such a one.",
        "{n} 句模型未训练过的诗。忽略潜变量的解码器码率为 0；旁列的就是这样一个。",
    ),
)
LINES = Kind(
    line={"bleu_3": True, "self_bleu_3": True},
    beside=Text("real lines", "真实诗句"),
    short=Text("real", "真实"),
    lede=Text(
        "{n} lines of the model against lines of poems that it was not trained on, and as many "
        "real lines measured in the same way. Quality alone is easy: one good line, said again and "
        "again, has it.",
        "将模型写的 {n} 句与未训练过的诗句比较，并以同样方法测量等量的真实诗句。"
        "只求质量很容易：反复写同一好句即可。",
    ),
)
VERSE = Kind(
    line={"nats_char": False, "form_kept": False, "rhyme": True},
    beside=Text("unseen poems", "未见过的诗"),
    short=Text("unseen poems", "未见过的诗"),
    lede=Text(
        "Poems drawn from the model, and {n} poems that it was not trained on, measured in the "
        "same way.",
        "从模型抽取的诗，与它未训练过的 {n} 首诗以同样方法测量。",
    ),
)
PLAYS = Kind(
    line={"nats_char": False, "known_words": True},
    beside=Text("validation text", "验证文本"),
    short=Text("validation text", "验证文本"),
    lede=Text(
        "Cost of {n} characters that the model was not trained on, and what it copies and knows of "
        "its training text, beside as much text of the same plays that it has not seen.",
        "模型未训练过的 {n} 个字符的代价，以及它照抄、掌握了训练文本中的多少，"
        "旁列同样剧本中等量未见文本的数值。",
    ),
)

# Poems have the figures of plain language models too, so their own come first.
MARKS = {
    "bleu_en_zh": TRANSLATION,
    "line_rate": LATENT,
    "self_bleu_3": LINES,
    "form_kept": VERSE,
    "nats_char": PLAYS,
}


def kind_of(card: Card) -> Kind:
    """The kind of model whose figures a card holds."""
    return next((kind for mark, kind in MARKS.items() if card.figure(mark)), DIGITS)
