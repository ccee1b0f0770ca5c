"""The cards of text GANs of single lines of verse, and of their starts."""

from collections.abc import Sequence
from typing import Any

import torch

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import WEIGHTS, digest, load_network
from aigc_core.data.tang_lines import as_numbers, load_lines
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.metrics.about import read_about
from aigc_core.metrics.card import Card, Figure, plain
from aigc_core.metrics.learning_curve import curve_beside
from aigc_core.metrics.prose import Section, table
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.report_tang import TANG
from aigc_core.metrics.report_text_vae import (
    DATA,
    LEAST,
    LINES,
    MOST,
    OUT_OF_BOUNDS,
    SHOWN,
    UNSELECTED,
)
from aigc_core.metrics.text_gan import FIRST_SEED, ORDERS, curves
from aigc_core.metrics.writings import samples, written
from aigc_core.models.text_gan import Generator
from aigc_core.tasks.verse import SampleVerse
from aigc_core.text import Language, Text

COUNT = 1000
# Behind the id of a GAN, that of the network which it started from.
START = "-start"
PART = 256
PROTOCOL = Text(
    "Measured on {count:,} lines that the suite's engine drew at temperature 1 with the seeds from "
    "{first} on. BLEU of runs of up to n characters against all {test:,} lines of poems that the "
    "model was not trained on; self-BLEU of each line against all others. “Real lines” are as many "
    "lines of the training poems, measured in the same way. What unseen lines cost is a mean over "
    "their characters and ends.",
    "样本为套件引擎以温度 1、自种子 {first} 起抽取的 {count:,} 句。"
    "BLEU 以模型未训练过的全部 {test:,} 句诗为参照，计至多 n 字的片段；"
    "Self-BLEU 是每句与其余各句相比。“真实诗句”是训练诗中等量的诗句，以同样方法测量。"
    "未见诗句的代价是其各字及句尾的均值。",
)
CURVE = Text("Quality against diversity", "质量与多样性")
CURVE_TOLD = Text(
    "The same at several temperatures: a lower one makes better lines and fewer kinds of them, for "
    "any model. A model is better than another where its BLEU is higher at the same self-BLEU.",
    "不同温度下的同一指标：对任何模型，降低温度都会使诗句更好而更雷同。"
    "在相同的 Self-BLEU 下 BLEU 更高者，才是更好的模型。",
)
REAL = Text("real lines", "真实诗句")
SAMPLES = Text("Samples", "样本")
NAMES = {
    **{f"bleu_{n}": f"bleu_{n}" for n in ORDERS},
    **{f"self_bleu_{n}": f"self_bleu_{n}" for n in ORDERS},
    "line_form": "form",
    "different": "distinct",
    "distinct": "characters",
}


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Measures a generator of lines beside its start, and writes its card.

    Args:
        model: its id.
        count: lines to draw at each temperature.
        seed: of the lines that are shown; those that are measured have seeds of their own.

    Raises:
        InvalidRequest: a count or a seed is out of bounds.
        AigcError: the model, the poems or the model's prose is missing or wrong.
    """
    catalog, count = Catalog.default(), COUNT if count is None else count
    entry = catalog.find(model)
    read_about(model)
    if not LEAST <= count <= MOST:
        raise InvalidRequest(OUT_OF_BOUNDS, least=LEAST, most=MOST, count=count)
    asked = SampleVerse.ask(count=SHOWN, temperature=1.0, seed=seed)
    train, test = load_lines("train"), load_lines("test")
    network: Generator = load_network(entry.network_class, entry.folder, entry.revision)
    engine = Engine.default(batching=False)
    models = [name for name in (model + START, model) if name in catalog.entries]
    rows = curves(models, count, engine=engine)
    told = UNSELECTED.fill(first=seed, last=seed + SHOWN - 1)
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=TANG,
        data=DATA.fill(train=len(train)),
        figures=(
            *figures(rows, model, digest(entry.folder / WEIGHTS)),
            cost_figure(network, test, digest(entry.folder / WEIGHTS)),
        ),
        protocol=PROTOCOL.fill(count=count, test=len(test), first=FIRST_SEED),
        examples=len(train),
        unit=LINES,
        command=f"{COMMAND} {model} --count {count} --seed {seed}",
        sections=(
            Section(CURVE, curve(rows)),
            Section(SAMPLES, samples(told, ["\n".join(written(engine, model, [asked]))])),
        ),
        history=curve_beside(entry.folder),
    )


def figures(rows: Sequence[dict[str, Any]], model: str, weights: str) -> tuple[Figure, ...]:
    """The figures at temperature 1, beside those of real lines."""
    real = next(row for row in rows if row["temperature"] is None)
    own = next(row for row in rows if row["model"] == model and row["temperature"] == 1.0)
    args = {"n": own["n"], "temperature": 1.0, "seed": FIRST_SEED, "weights": weights}
    beside = (Figure(name, own[key], real[key], args) for name, key in NAMES.items())
    # Real lines of the training are all lines of the training.
    return *beside, Figure("copied_lines", own["copies"], None, args)


@torch.inference_mode()
def cost_figure(network: Generator, lines: Sequence[str], weights: str) -> Figure:
    """What unseen lines cost, a character or an end."""
    ids = torch.from_numpy(as_numbers(lines, network.vocabulary)).long()
    total = sum(float(network.costs(part).double().sum()) for part in ids.split(PART))
    n = int((ids >= 0).sum())
    args = {"n": n, "lines": len(lines), "weights": weights}
    return Figure("line_nats", plain(total / n), args=args, split="test")


def curve(rows: Sequence[dict[str, Any]]) -> Text:
    """All models at all temperatures, as a table."""

    def said(language: Language) -> str:
        heads = [
            Text("model", "模型").say(language),
            Text("temperature", "温度").say(language),
            *(f"BLEU-{n}" for n in ORDERS),
            *(f"self-BLEU-{n}" for n in ORDERS),
        ]
        body = [
            [
                REAL.say(language) if row["temperature"] is None else row["model"],
                "–" if row["temperature"] is None else f"{row['temperature']:g}",
                *(f"{row[f'{kind}_{n}']:.3f}" for kind in ("bleu", "self_bleu") for n in ORDERS),
            ]
            for row in rows
        ]
        return f"{CURVE_TOLD.say(language)}\n\n{table(heads, body)}"

    return Text(said("en"), said("zh"))
