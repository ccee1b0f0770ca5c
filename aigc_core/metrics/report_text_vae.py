"""The cards of text VAEs of single lines of verse."""

from pathlib import Path
from typing import Any

import torch

from aigc_core.catalog import Catalog
from aigc_core.checkpoint import CONFIG, WEIGHTS, digest, load_network
from aigc_core.data.tang_lines import as_numbers, as_text, load_lines
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.metrics.about import read_about
from aigc_core.metrics.card import Card, Figure
from aigc_core.metrics.learning_curve import curve_beside
from aigc_core.metrics.prose import Section
from aigc_core.metrics.publish import COMMAND, publish
from aigc_core.metrics.report_tang import TANG
from aigc_core.metrics.text_vae import text_vae_figures
from aigc_core.metrics.writings import samples, written
from aigc_core.models.char_lstm import CharLSTM
from aigc_core.models.protocols import LanguageModel
from aigc_core.models.text_vae import TextVAE
from aigc_core.tasks.verse import SampleVerse
from aigc_core.text import Text, paragraph
from aigc_core.verse import LENGTHS

# The language model of the same lines that has no latent, whose weights lie beside the VAE's.
PLAIN = "lstm-tang-lines"
COUNT, LEAST, MOST = 1000, 10, 10_000
SHOWN = 10
LINES = Text("lines", "句")
DATA = Text(
    "Trained on {train:,} lines of Tang quatrains from "
    "[chinese-poetry](https://github.com/chinese-poetry/chinese-poetry) (MIT licence), in "
    "simplified script by OpenCC's tables. The poems are in the public domain; none of them is "
    "shipped.",
    "训练数据为 {train:,} 句唐代绝句，来自 "
    "[chinese-poetry](https://github.com/chinese-poetry/chinese-poetry)（MIT 许可），"
    "用 OpenCC 的字表转为简体。诗作属于公有领域；不随附其中任何一首。",
)
PROTOCOL = Text(
    "Nats are means over the {test:,} lines of poems that the model was not trained on, less those "
    "that also stand in a training poem; each with its end. One sample of the latent for the "
    "ELBO, {samples} for the importance-weighted bound. Characters come back from the mean of the "
    "latent, each the likeliest. {drawn:,} lines were drawn from the prior at temperature 1, seed "
    "{seed}.",
    "纳特是模型未训练过的诗中 {test:,} 句（去掉也见于训练诗的句子）的均值，含句尾。"
    "ELBO 取潜变量的 1 个样本，重要性加权界取 {samples} 个。"
    "还原时取潜变量的均值，每字取概率最大者。从先验以温度 1 抽取 {drawn:,} 句，种子 {seed}。",
)
BESIDE = Text(
    "“No latent” is an LSTM like the writer, trained on the same lines without a latent "
    "(`{plain}`); its cost is exact, the VAE's a bound.",
    "“无潜变量”是与解码器相同、以同样诗句训练但没有潜变量的 LSTM（`{plain}`）；"
    "其代价是精确值，VAE 的是上界。",
)
RETURNED, PRIOR = (
    Text("Lines given back", "还原的诗句"),
    Text("Lines from the prior", "从先验抽取的诗句"),
)
FIRST = Text(
    "The first {count} unseen lines and what came back, unselected.",
    "前 {count} 句未见过的诗句及其还原，未经挑选。",
)
UNSELECTED = Text(
    "Of the seeds {first} to {last}, unselected.", "种子 {first} 至 {last}，未经挑选。"
)
OUT_OF_BOUNDS = Text(
    "The count must be from {least} to {most}, not {count}.",
    "数量必须在 {least} 到 {most} 之间，而不是 {count}。",
)
# Figures of the card by what `text_vae_figures` calls them, and the names of what stands beside.
NAMES = {
    "line_nll": ("elbo_nll", "plain_nll"),
    "line_iw_nll": ("iw_nll", "plain_nll"),
    "line_distortion": ("distortion", ""),
    "others_distortion": ("others", ""),
    "line_rate": ("rate", ""),
    "reconstruction": ("characters", ""),
    "active_units": ("active", ""),
    "line_form": ("form", ""),
    "different": ("distinct", ""),
}
MORE = {"reconstruction": "whole", "active_units": "units"}


def report(model: str, count: int | None = None, seed: int = 0) -> Card:
    """Measures a text VAE and writes its card.

    Args:
        model: its id.
        count: lines to draw from the prior.
        seed: of all that is drawn.

    Raises:
        InvalidRequest: a count or a seed is out of bounds.
        AigcError: the model, the poems or the model's prose is missing or wrong.
    """
    entry, count = Catalog.default().find(model), COUNT if count is None else count
    read_about(model)
    if not LEAST <= count <= MOST:
        raise InvalidRequest(OUT_OF_BOUNDS, least=LEAST, most=MOST, count=count)
    asked = SampleVerse.ask(count=SHOWN, temperature=1.0, seed=seed)
    train, test = load_lines("train"), load_lines("test")
    network: TextVAE = load_network(entry.network_class, entry.folder, entry.revision)
    plain = plain_writer(entry.folder.parent)
    found = text_vae_figures(network, test, plain_writer=plain, drawn=count, seed=seed)
    protocol = PROTOCOL.fill(test=len(test), samples=found["samples"], drawn=count, seed=seed)
    drawn = "\n".join(written(Engine.default(batching=False), model, [asked]))
    return publish(
        entry.folder,
        title=entry.name,
        licence=entry.licences.weights,
        dataset=TANG,
        data=DATA.fill(train=len(train)),
        figures=figures(found, digest(entry.folder / WEIGHTS)),
        protocol=paragraph(protocol, BESIDE.fill(plain=PLAIN)) if plain else protocol,
        examples=len(train),
        unit=LINES,
        command=f"{COMMAND} {model} --count {count} --seed {seed}",
        sections=(
            Section(RETURNED, samples(FIRST.fill(count=SHOWN), [returned(network, test[:SHOWN])])),
            Section(PRIOR, samples(UNSELECTED.fill(first=seed, last=seed + SHOWN - 1), [drawn])),
        ),
        history=curve_beside(entry.folder),
    )


def plain_writer(home: Path) -> LanguageModel | None:
    """The language model without a latent, where its weights are there."""
    folder = home / PLAIN
    if not (folder / CONFIG).is_file():
        return None
    network: LanguageModel = load_network(CharLSTM, folder)
    return network


def figures(found: dict[str, Any], weights: str) -> tuple[Figure, ...]:
    """The card's figures of what was measured."""
    args = {name: found[name] for name in ("n", "samples", "drawn", "seed")}
    return tuple(
        Figure(
            name,
            found[key],
            found.get(beside),
            {
                **args,
                "weights": weights,
                **({MORE[name]: found[MORE[name]]} if name in MORE else {}),
            },
            split="test",
        )
        for name, (key, beside) in NAMES.items()
    )


@torch.inference_mode()
def returned(network: TextVAE, lines: tuple[str, ...]) -> str:
    """Lines, each with what comes back of it from the mean."""
    x = torch.from_numpy(as_numbers(lines, network.vocabulary)).long()
    mean, _ = network.encode(x)
    back = network.write(mean, lengths=LENGTHS).numpy()
    made = [as_text(row, network.vocabulary) for row in back]
    return "\n".join(f"{line} → {own}" for line, own in zip(lines, made, strict=True))
