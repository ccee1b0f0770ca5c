"""The cards of language models of Tiny Shakespeare."""

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import WEIGHTS, digest, load_network
from aigc_core.data.shakespeare import load_shakespeare
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.metrics.about import read_about
from aigc_core.metrics.anchors import anchors, in_bits
from aigc_core.metrics.card import Card, Dataset, Figure, Rung, plain
from aigc_core.metrics.copying import (
    copied_shares,
    known_share,
    longest_copy,
    stretches,
    words,
)
from aigc_core.metrics.language import long_text_costs, numbers
from aigc_core.metrics.learning_curve import curve_beside
from aigc_core.metrics.prose import Section
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.writings import samples, written
from aigc_core.models.protocols import LanguageModel
from aigc_core.tasks.text import ContinueText
from aigc_core.text import Text, paragraph
from aigc_core.training import recipes

SHAKESPEARE = Dataset("karpathy/tiny_shakespeare", "Tiny Shakespeare")
DATA = Text(
    "Trained on the first nine tenths of "
    "[Tiny Shakespeare](https://github.com/karpathy/char-rnn/tree/master/data/tinyshakespeare), "
    "1,115,394 characters of the plays that A. Karpathy put together: William Shakespeare's words "
    "are in the public domain.",
    "训练数据为 "
    "[Tiny Shakespeare](https://github.com/karpathy/char-rnn/tree/master/data/tinyshakespeare) "
    "的前十分之九：A. Karpathy 汇集的 1,115,394 个字符的剧本，威廉·莎士比亚的文字属于公有领域。",
)
UNIT = Text("stretches of {length} characters", "段各 {length} 个字符的文本")

# Samples, and the characters of each; from an empty line, as the plays begin.
COUNT, LENGTH, PROMPT = 20, 1000, "\n"
SHOWN, SHOWN_LENGTH = 3, 600
COPIES = (8, 16, 32)
# A sliding window goes on by this part of the context.
STRIDE = 8
MOST = 100
ORDERS = (1, 2, 3, 5, 6)
NANOGPT = "https://github.com/karpathy/nanoGPT#quick-start"
PUBLISHED = {"nanogpt-cpu": 1.88, "nanogpt-gpu": 1.4697}

SPLIT = Text(
    "Nats per character are means over all {n:,} characters of the validation text, the last "
    "tenth, but the first: the split of nanoGPT.",
    "每字符纳特数是验证文本（最后十分之一，"
    "与 nanoGPT 的划分相同）中除首字符外全部 {n:,} 个字符的均值。",
)
BLOCKS = Text(
    "They were read in blocks of {context} characters that do not overlap, so that the first of "
    "each has next to nothing before it, as nanoGPT estimates its loss (from random blocks); with "
    "the sliding window, which moves on by {stride}, each has {least} or more.",
    "文本以互不重叠的 {context} 字符分块读取，每块开头几乎没有上文，"
    "与 nanoGPT 估计损失的方式相同（它随机取块）；滑动窗口每次移动 {stride} 个字符，"
    "使每个字符之前至少有 {least} 个字符。",
)
CARRIED = Text(
    "The network read them once from beginning to end and kept its state.",
    "网络从头到尾读一遍，并一直保持其状态。",
)
COPYING = Text(
    "The other figures are of {count} texts of {length:,} characters each, drawn through the "
    "suite's engine at temperature 1 from an empty line with the seeds {first} to {last}; beside "
    "them, as many characters of the validation text, evenly spread.",
    "其余指标来自经套件引擎以温度 1、从空行开始、用种子 {first} 至 {last} 抽取的 {count} 段文本，"
    "每段 {length:,} 个字符；旁列为验证文本中均匀选取的等量文本。",
)
SAMPLES = Text("Samples", "样本")
UNSELECTED = Text(
    "The beginnings of the first {count} of these texts, unselected.",
    "上述文本中前 {count} 段的开头，未经挑选。",
)
OUT_OF_BOUNDS = Text(
    "The count must be from 1 to {most}, not {count}.",
    "数量必须在 1 到 {most} 之间，而不是 {count}。",
)


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Measures a language model of Tiny Shakespeare and writes its card.

    Args:
        model: its id.
        count: texts to draw.
        seed: of the first.

    Raises:
        InvalidRequest: a count or a seed is out of bounds.
        AigcError: the model, the text or the model's prose is missing or wrong.
    """
    entry, count = Catalog.default().find(model), COUNT if count is None else count
    read_about(model)
    if not 1 <= count <= MOST:
        raise InvalidRequest(OUT_OF_BOUNDS, most=MOST, count=count)
    train, test = load_shakespeare("train"), load_shakespeare("test")
    network = load_network(entry.network_class, entry.folder, entry.revision)
    weights = digest(entry.folder / WEIGHTS)
    texts = drawn(model, count, seed)
    protocol = [
        SPLIT.fill(n=len(test) - 1),
        reading(network),
        COPYING.fill(count=count, length=LENGTH, first=seed, last=seed + count - 1),
    ]
    window = recipes.find(model).data()[0].shape[1] - 1
    told = UNSELECTED.fill(count=min(SHOWN, count))
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=SHAKESPEARE,
        data=DATA,
        figures=(
            *cost_figures(network, test, weights),
            *copy_figures(texts, train, test, {"seed": seed, "weights": weights}),
        ),
        rungs=rungs(network.vocabulary, train, test),
        protocol=paragraph(*protocol),
        examples=len(train) // window,
        unit=UNIT.fill(length=window),
        command=f"{COMMAND} {model} --count {count} --seed {seed}",
        sections=(Section(SAMPLES, samples(told, [t[:SHOWN_LENGTH] for t in texts[:SHOWN]])),),
        history=curve_beside(entry.folder),
    )


def drawn(model: str, count: int, seed: int) -> list[str]:
    """Texts of the seeds from `seed` on, as the engine draws them."""
    return written(
        Engine.default(batching=False),
        model,
        (
            ContinueText.ask(
                prompt=PROMPT, tokens=LENGTH, temperature=1.0, top_p=1.0, seed=seed + place
            )
            for place in range(count)
        ),
    )


def reading(network: LanguageModel) -> Text:
    """How a network read the validation text."""
    if network.context is None:
        return CARRIED
    stride = network.context // STRIDE
    return BLOCKS.fill(context=network.context, stride=stride, least=network.context - stride)


def cost_figures(network: LanguageModel, text: str, weights: str) -> tuple[Figure, ...]:
    """What a text costs, its first character left out."""
    ids = numbers(text, network.vocabulary)
    args = {"n": len(ids) - 1, "weights": weights}
    whole = {**args, "context": network.context or "whole"}
    nats = Figure(
        "nats_char", plain(long_text_costs(network, ids).double().mean()), args=whole, split="test"
    )
    if network.context is None:
        return nats, *in_bits(nats)
    stride = network.context // STRIDE
    costs = long_text_costs(network, ids, stride)
    return (
        nats,
        Figure(
            "nats_char_sliding",
            plain(costs.double().mean()),
            args={**whole, "stride": stride},
            split="test",
        ),
        *in_bits(nats),
    )


def copy_figures(
    texts: list[str], train: str, test: str, args: dict[str, int | str]
) -> tuple[Figure, ...]:
    """What texts copy of the training text, beside as much validation text."""
    real = stretches(test, len(texts), LENGTH)
    lexicon = set(words(train))
    shares = [copied_shares(each, train, COPIES) for each in (texts, real)]
    values = {f"copied_{n}": pair for n, *pair in zip(COPIES, *shares, strict=True)}
    values |= {
        "longest_copy": [max(longest_copy(t, train) for t in each) for each in (texts, real)],
        "known_words": [known_share(each, lexicon) for each in (texts, real)],
    }
    told = {"n": len(texts), "length": LENGTH, "temperature": 1.0, **args}
    return tuple(
        Figure(name, plain(made), plain(unseen), told) for name, (made, unseen) in values.items()
    )


def rungs(vocabulary: str, train: str, test: str) -> tuple[Rung, ...]:
    """N-gram models of the same text, and what nanoGPT's author published for it."""
    known, unseen = (numbers(text, vocabulary) for text in (train, test))
    found = anchors([known], [unseen], len(vocabulary), ORDERS)
    others = (
        Rung(name, value, {"source": NANOGPT}, "nats_char") for name, value in PUBLISHED.items()
    )
    return *found, *others
