"""The cards of translators that were trained here."""

from collections.abc import Sequence

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import WEIGHTS, digest
from aigc_core.data.tatoeba import Pair, load_pairs
from aigc_core.errors import InvalidRequest
from aigc_core.families import seq2seq
from aigc_core.gate import Gate
from aigc_core.metrics.about import read_about
from aigc_core.metrics.card import Card, Dataset, Figure, plain
from aigc_core.metrics.learning_curve import curve_beside
from aigc_core.metrics.prose import Section, table
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.translation import BEAMS, Direction, evaluate_translation
from aigc_core.placement import Placement
from aigc_core.text import Language, Text, paragraph

TATOEBA = Dataset("tatoeba", "Tatoeba, English and Chinese")
DATA = Text(
    "Trained on {train:,} pairs of sentences, each in both directions, from "
    "[Tatoeba](https://tatoeba.org) by way of [ManyThings](https://www.manythings.org/anki/), "
    "[CC BY 2.0 FR](https://creativecommons.org/licenses/by/2.0/fr/): written by Tatoeba's "
    "contributors, who are named at each sentence there. Chinese was turned into simplified script "
    "with OpenCC. The ten test pairs below are quoted under the same licence.",
    "训练数据为 {train:,} 对句子（双向），来自 [Tatoeba](https://tatoeba.org)，"
    "经 [ManyThings](https://www.manythings.org/anki/) 整理，"
    "[CC BY 2.0 FR](https://creativecommons.org/licenses/by/2.0/fr/)："
    "由 Tatoeba 的贡献者撰写，作者在其网站上逐句署名。中文用 OpenCC 转为简体。"
    "下文十对测试句按同一许可引用。",
)
PAIRS = Text("sentences", "句")
LEAST = 10
PROTOCOL = Text(
    "Measured on {n:,} pairs, held out by a hash of the English sentence; neither of their "
    "sentences stands in training, not even with other capitals or punctuation. Beam search with "
    "{beams} beams; one reference each, sacreBLEU. “Word by word” replaces each word by its "
    "likeliest counterpart, in the order of the source, with a lexicon learned from the same "
    "training pairs (IBM Model 1). BLEU of other tokenisers or test sets does not compare.",
    "在按英文句哈希留出的 {n:,} 对句子上测得，任何一方都未出现在训练数据中（忽略大小写与标点）。"
    "束搜索，束宽 {beams}；每句一个参考译文，sacreBLEU。"
    "“逐词翻译”按源句语序把每个词换成最可能的对应词，双语词典由同样的训练句对学得（IBM 模型 1）。"
    "与其他分词方式或测试集上的 BLEU 不可比较。",
)
SIGNATURES = Text("Signatures: {listed}.", "签名：{listed}。")
EXAMPLES = Text("Examples", "译例")
SHOWN = 10
UNSELECTED = Text("The first {count} test pairs, unselected.", "前 {count} 对测试句，未经挑选。")
HEADS = (
    Text("English", "英文原文"),
    Text("Chinese by people", "人工中译"),
    Text("Chinese by the model", "模型中译"),
    Text("English by the model, from the Chinese", "模型英译（由中文）"),
)
OUT_OF_BOUNDS = Text(
    "The count must be from {least} to {most}, the number of test pairs; {count} is not.",
    "数量必须在 {least} 到 {most}（测试句对数）之间，而不是 {count}。",
)


def report(model: str, count: int | None = None, _seed: int = 0) -> Card:
    """Measures a translator in both directions and writes its card.

    Args:
        model: its id.
        count: test pairs, from the first; None for all.
        _seed: nothing is drawn here.

    Raises:
        InvalidRequest: the count is out of bounds.
        AigcError: the model, the pairs or the model's prose is missing or wrong.
    """
    entry = Catalog.default().find(model)
    read_about(model)
    train, test = load_pairs("train"), load_pairs("test")
    count = len(test) if count is None else count
    if not LEAST <= count <= len(test):
        raise InvalidRequest(OUT_OF_BOUNDS, least=LEAST, most=len(test), count=count)
    place = Placement("cpu", "float32", Gate(), batching=False)
    translator = seq2seq.load(entry, place, lambda: None).translator
    both = evaluate_translation(translator, count=count)
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=TATOEBA,
        data=DATA.fill(train=len(train)),
        figures=tuple(
            figure
            for direction in both
            for figure in figures(direction, count, digest(entry.folder / WEIGHTS))
        ),
        protocol=paragraph(PROTOCOL.fill(n=count, beams=BEAMS), signatures(both)),
        examples=2 * len(train),
        unit=PAIRS,
        command=f"{COMMAND} {model} --count {count}",
        sections=(Section(EXAMPLES, examples(test[:SHOWN], both)),),
        history=curve_beside(entry.folder),
    )


def figures(found: Direction, count: int, weights: str) -> tuple[Figure, ...]:
    """BLEU and chrF of one direction, beside those of the translation word by word."""
    way = "en_zh" if found.to == "zh" else "zh_en"
    args = {"n": count, "beams": BEAMS, "weights": weights}
    own, floor = found.model, found.word_by_word
    return (
        Figure(
            f"bleu_{way}",
            plain(own.bleu),
            plain(floor.bleu),
            {**args, "signature": own.bleu_signature},
            split="test",
        ),
        Figure(
            f"chrf_{way}",
            plain(own.chrf),
            plain(floor.chrf),
            {**args, "signature": own.chrf_signature},
            split="test",
        ),
    )


def signatures(both: Sequence[Direction]) -> Text:
    """How BLEU and chrF were reckoned, each once."""
    found = [s for d in both for s in (d.model.bleu_signature, d.model.chrf_signature)]
    return SIGNATURES.fill(listed=", ".join(f"`{signature}`" for signature in dict.fromkeys(found)))


def examples(pairs: Sequence[Pair], both: Sequence[Direction]) -> Text:
    """The first test pairs beside what the model made of each side."""
    made = {direction.to: direction.made for direction in both}
    rows = [
        [cell(text) for text in (pair.english, pair.chinese, chinese, english)]
        for pair, chinese, english in zip(pairs, made["zh"], made["en"], strict=False)
    ]

    def said(language: Language) -> str:
        told = UNSELECTED.fill(count=len(rows)).say(language)
        return f"{told}\n\n{table([head.say(language) for head in HEADS], rows)}"

    return Text(said("en"), said("zh"))


def cell(text: str) -> str:
    """A text as a cell of a Markdown table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
