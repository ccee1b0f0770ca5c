"""The cards of language models of Tang quatrains."""

from typing import Any

import numpy as np

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import WEIGHTS, digest, load_network
from aigc_core.data.tang import as_line, load_quatrains
from aigc_core.errors import InvalidRequest
from aigc_core.metrics.about import read_about
from aigc_core.metrics.anchors import anchors, in_bits
from aigc_core.metrics.card import Card, Dataset, Figure, plain
from aigc_core.metrics.language import NOTHING, numbers, row_costs
from aigc_core.metrics.learning_curve import curve_beside
from aigc_core.metrics.many_poems import compose, loaded
from aigc_core.metrics.poems import Corpus, rows_of, verse_values
from aigc_core.metrics.prose import Section, table
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.writings import samples
from aigc_core.models.protocols import LanguageModel
from aigc_core.tasks.verse import ComposePoem
from aigc_core.text import Language, Text, paragraph

TANG = Dataset("chinese-poetry", "Tang quatrains (chinese-poetry)")
DATA = Text(
    "Trained on {train:,} Tang quatrains of five or seven characters a line, from "
    "[chinese-poetry](https://github.com/chinese-poetry/chinese-poetry) (MIT licence), in "
    "simplified script by OpenCC's tables. The poems are in the public domain; none of them is "
    "shipped.",
    "训练数据为 {train:,} 首唐代五言与七言绝句，"
    "来自 [chinese-poetry](https://github.com/chinese-poetry/chinese-poetry)（MIT 许可），"
    "用 OpenCC 的字表转为简体。诗作属于公有领域；不随附其中任何一首。",
)
POEMS = Text("poems", "首诗")
COUNT, LEAST, MOST = 1000, 10, 10_000
COOL = 0.9
ORDERS = (1, 2, 3)
# Ways of drawing: the suffix of their figures, their name, and how they are asked for.
WAYS: tuple[tuple[str, Text, dict[str, Any]], ...] = (
    ("", Text("free, temperature 1", "自由，温度 1"), {"temperature": 1.0, "keep_form": False}),
    (
        "_cool",
        Text("free, temperature 0.9", "自由，温度 0.9"),
        {"temperature": COOL, "keep_form": False},
    ),
    (
        "_bound",
        Text("form enforced, temperature 0.9", "强制格式，温度 0.9"),
        {"temperature": COOL, "keep_form": True},
    ),
)
PROTOCOL = Text(
    "Nats are means over the {test:,} quatrains, one in twenty by a hash of its words, that the "
    "model was not trained on: all their characters after the sign of the form, punctuation and "
    "the end included. The other figures are of {count:,} poems in each way of drawing, as many "
    "of five as of seven characters a line, drawn as the suite's engine draws them, with the "
    "seeds {first} to {last}; beside them, the {test:,} unseen poems. With the form kept by force"
    " the model chooses among characters where a character must stand and has no choice where "
    "punctuation must, so that its share is 100 % whatever the model has learned. Lines rhyme "
    "where their last characters, read in modern Mandarin, belong to one of the thirteen rhyme "
    "groups (shisan zhe).",
    "纳特是模型未训练过的 {test:,} 首绝句（按诗文哈希取二十分之一）的均值："
    "计格式标记之后的所有字符，含标点与结尾。"
    "其余指标来自每种抽取方式各 {count:,} 首诗，五言与七言各半，"
    "以种子 {first} 至 {last}、按套件引擎的方式抽取；旁列为 {test:,} 首未见过的诗。"
    "强制格式时，模型只在该有字的位置选字、在该有标点的位置别无选择，"
    "因此无论学得如何，合格率都是 100 %。"
    "押韵指句末字按今音（普通话）同属十三辙中的一辙。",
)
BY_FORM, WAY = Text("By line length", "按句式"), Text("drawn", "抽取方式")
UNSEEN = Text("unseen poems", "未见过的诗")
HEADS = (
    Text("form kept, five", "合格，五言"),
    Text("form kept, seven", "合格，七言"),
    Text("rhyme", "押韵"),
    Text("longest run shared, 95th percentile", "最长相同片段，第 95 百分位"),
)
CELLS = ("form_kept_5", "form_kept_7", "rhyme", "longest_run_95")
SAMPLES = Text("Samples", "样本")
SHOWN = 6
UNSELECTED = Text(
    "The first {count} poems drawn freely at temperature 1, then the first {count} with the form "
    "kept by force, unselected.",
    "以温度 1 自由抽取的前 {count} 首，以及强制格式的前 {count} 首，未经挑选。",
)
OUT_OF_BOUNDS = Text(
    "The count must be from {least} to {most}, not {count}.",
    "数量必须在 {least} 到 {most} 之间，而不是 {count}。",
)


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Measures a language model of quatrains and writes its card.

    Args:
        model: its id.
        count: poems to draw in each way.
        seed: of the first.

    Raises:
        InvalidRequest: a count or a seed is out of bounds.
        AigcError: the model, the poems or the model's prose is missing or wrong.
    """
    entry, count = Catalog.default().find(model), COUNT if count is None else count
    read_about(model)
    if not LEAST <= count <= MOST:
        raise InvalidRequest(OUT_OF_BOUNDS, least=LEAST, most=MOST, count=count)
    train, test = ([poem.text for poem in load_quatrains(s)] for s in ("train", "test"))
    network = load_network(entry.network_class, entry.folder, entry.revision)
    weights = digest(entry.folder / WEIGHTS)
    forms = ["57"[place % 2] for place in range(count)]
    writer = loaded(entry)
    drawn = {suffix: compose(writer, wishes(forms, seed, asked)) for suffix, _, asked in WAYS}
    corpus = Corpus.of(train)
    found = {suffix: verse_values(texts, forms, corpus) for suffix, texts in drawn.items()}
    real = verse_values(test, [str(poem.index("，")) for poem in test], corpus)
    told = UNSELECTED.fill(count=min(SHOWN, count))
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=TANG,
        data=DATA.fill(train=len(train)),
        figures=(
            *cost_figures(network, test, weights),
            *verse_figures(found, real, {"n": len(test), "drawn": count, "seed": seed}, weights),
        ),
        rungs=anchors(
            [numbers(as_line(poem), network.vocabulary) for poem in train],
            [numbers(as_line(poem), network.vocabulary) for poem in test],
            len(network.vocabulary),
            ORDERS,
        ),
        protocol=paragraph(
            PROTOCOL.fill(test=len(test), count=count, first=seed, last=seed + count - 1)
        ),
        examples=len(train),
        unit=POEMS,
        command=f"{COMMAND} {model} --count {count} --seed {seed}",
        sections=(
            Section(BY_FORM, by_form(found, real)),
            Section(SAMPLES, samples(told, [*drawn[""][:SHOWN], *drawn["_bound"][:SHOWN]])),
        ),
        history=curve_beside(entry.folder),
    )


def wishes(forms: list[str], seed: int, asked: dict[str, Any]) -> list[ComposePoem]:
    """A poem of each form, of the seeds from `seed` on."""
    return [
        ComposePoem.ask(form=form, seed=seed + place, **asked) for place, form in enumerate(forms)
    ]


def cost_figures(network: LanguageModel, poems: list[str], weights: str) -> tuple[Figure, ...]:
    """What unseen poems cost: all that follows the sign of the form, and their characters alone."""
    rows = rows_of(poems, network.vocabulary)
    costs, wanted = row_costs(network, rows).double().numpy(), rows[:, 1:]
    signs = [network.vocabulary.index(sign) for sign in "\n，。"]
    known = wanted != NOTHING
    hanzi = known & ~np.isin(wanted, signs)
    args = {"poems": len(poems), "weights": weights}
    nats, own = (
        Figure(
            name, plain(costs[chosen].mean()), args={"n": int(chosen.sum()), **args}, split="test"
        )
        for name, chosen in (("nats_char", known), ("nats_hanzi", hanzi))
    )
    return nats, own, *in_bits(nats)


def verse_figures(
    found: dict[str, dict[str, float]], real: dict[str, float], args: dict[str, Any], weights: str
) -> tuple[Figure, ...]:
    """The figures of every way of drawing, beside those of unseen poems."""
    own = [name for name in real if not name.endswith(("_5", "_7", "_95"))]
    figures = []
    for suffix, _, asked in WAYS:
        values = found[suffix]
        for name in own:
            more = {part: values[part] for part in values if part.startswith(f"{name}_")}
            told = {**args, **asked, **more, "weights": weights}
            figures.append(Figure(f"{name}{suffix}", values[name], real[name], told))
    return tuple(figures)


def by_form(found: dict[str, dict[str, float]], real: dict[str, float]) -> Text:
    """What the table of figures does not tell: each form by itself, and the tail of copying."""

    def said(language: Language) -> str:
        rows = [
            [name.say(language), *shown(values)]
            for name, values in (
                *((name, found[suffix]) for suffix, name, _ in WAYS),
                (UNSEEN, real),
            )
        ]
        return table([head.say(language) for head in (WAY, *HEADS)], rows)

    return Text(said("en"), said("zh"))


def shown(values: dict[str, float]) -> list[str]:
    return [
        "–" if name not in values
        else f"{values[name]:.0f}" if name.startswith("longest")
        else f"{100 * values[name]:.1f} %"
        for name in CELLS
    ]  # fmt: skip
