"""The Markdown of a model's card, in English and then in Chinese."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from aigc_core.data import mnist
from aigc_core.metrics import history_prose
from aigc_core.metrics.about import About
from aigc_core.metrics.card import Card
from aigc_core.metrics.glossary import BETTER, METRICS
from aigc_core.metrics.perturbations import LADDER
from aigc_core.metrics.training_history import TrainingHistory
from aigc_core.text import LANGUAGES, Language, Text

HEADINGS = {"en": "English", "zh": "中文"}

TRAINING = Text("How it was trained", "训练方法")
DATA = Text("Data and licence", "数据与许可")
FIGURES = Text("Figures", "指标")
SHARES = Text("Shares of the digits", "各数字所占比例")
SWEEP = Text("What beta does", "beta 的作用")
LADDER_TITLE = Text("How to read the FID", "如何解读 FID")
LIMITS = Text("Limits", "局限")
COMMAND = Text("Made by", "生成命令")
PAPERS = Text("It follows:", "参考论文：")

LICENCES = Text(
    "Trained on the 60,000 training digits of MNIST by Y. LeCun and C. Cortes, "
    "[{data}](https://creativecommons.org/licenses/by-sa/3.0/); no picture of it is shipped. "
    "The weights: {weights}. Their file has the digest `{digest}`.",
    "训练数据为 MNIST 的 60,000 个训练数字（Y. LeCun 与 C. Cortes），"
    "[{data}](https://creativecommons.org/licenses/by-sa/3.0/)；不随附其中任何图片。"
    "权重：{weights}。权重文件摘要为 `{digest}`。",
)
LADDER_INTRO = Text(
    "Real test digits after damage that anyone can picture, against the same training digits and "
    "in the same feature space. An FID falls with the number of pictures, and differs from draw to "
    "draw (±, where it was measured over several).",
    "对真实测试数字施加直观的破坏后，以同样的训练数字和特征空间测得的 FID。"
    "图片越多，FID 越低；每次抽样也有差异（多次测量时以 ± 标出）。",
)


@dataclass(frozen=True)
class Story:
    """What the text of a card says beside the figures.

    Args:
        title: of the model.
        licence: of its weights.
        about: the prose that is its own.
        training: facts of its training.
        digest: of its weights.
        protocol: how the figures were measured.
        command: what wrote the card.
        history: of the training, where it was kept.
        sweep: what beta does, in Markdown, where it was measured.
    """

    title: Text
    licence: str
    about: About
    training: tuple[Text, ...]
    digest: str
    protocol: Text
    command: str
    history: TrainingHistory | None = None
    sweep: Text | None = None


def write_text(card: Card, story: Story) -> str:
    """The whole Markdown of a card, both languages."""
    parts = [f"# {card.model}"]
    for language in LANGUAGES:
        parts += [f"## {HEADINGS[language]}", *sections(card, story, language)]
    return "\n\n".join(parts)


def sections(card: Card, story: Story, language: Language) -> list[str]:
    def heading(text: Text) -> str:
        return f"### {text.say(language)}"

    licences = LICENCES.fill(data=mnist.LICENCE, weights=story.licence, digest=story.digest)
    parts = [
        f"**{story.title.say(language)}.** {story.about.what.say(language)}"
        if language == "en"
        else f"**{story.title.say(language)}。**{story.about.what.say(language)}",
        PAPERS.say(language),
        bullets([f"[{paper.title}]({paper.url})" for paper in story.about.papers]),
        heading(TRAINING),
        bullets([fact.say(language) for fact in story.training]),
    ]
    if story.history:
        parts += [heading(history_prose.TITLE), *history_prose.section(story.history, language)]
    parts += [
        heading(DATA),
        licences.say(language),
        heading(FIGURES),
        story.protocol.say(language),
        figure_table(card, language),
    ]
    if card.figure("class_distance"):
        parts += [heading(SHARES), share_table(card, language)]
    if story.sweep:
        parts += [heading(SWEEP), story.sweep.say(language)]
    if card.ladder:
        parts += [heading(LADDER_TITLE), LADDER_INTRO.say(language), ladder_table(card, language)]
    return [
        *parts,
        heading(LIMITS),
        bullets([limit.say(language) for limit in story.about.limits]),
        heading(COMMAND),
        f"    {story.command}",
    ]


def figure_table(card: Card, language: Language) -> str:
    """The figures beside their floors; without that column where no figure has one."""
    floors = any(figure.floor is not None for figure in card.figures)
    rows = []
    for figure in card.figures:
        metric = METRICS[figure.name]
        title = metric.title.say(language)
        rows.append([
            f"[{title}]({metric.paper})" if metric.paper else title,
            metric.show(figure.value),
            *([metric.show(figure.floor) if figure.floor is not None else "–"] if floors else []),
            BETTER[metric.better].say(language),
            metric.says.say(language),
        ])  # fmt: skip
    head = [
        Text("Figure", "指标"),
        Text(card.model, card.model),
        *([Text("real digits", "真实数字")] if floors else []),
        Text("", ""),
        Text("what it says", "含义"),
    ]
    return table([text.say(language) for text in head], rows)


def share_table(card: Card, language: Language) -> str:
    """Shares of the ten digits: as made, of real test digits, in the training data."""
    figure = card.figure("class_distance")
    assert figure is not None
    rows = [
        [name, *(f"{100 * share:.1f} %" for share in figure.args[key])]
        for name, key in (
            (card.model, "shares"),
            (Text("real digits", "真实数字").say(language), "floor_shares"),
            (Text("training data", "训练数据").say(language), "prior"),
        )
    ]
    return table(["", *map(str, range(10))], rows)


def ladder_table(card: Card, language: Language) -> str:
    """The ladder by falling quality, with the model on its own rung."""
    names = {step.id: step.name.say(language) for step in LADDER}
    rungs = [(rung.value, names[rung.perturbation], rung.args) for rung in card.ladder]
    if fid := card.figure("fid"):
        rungs.append((fid.value, f"**{card.model}**", fid.args))
    show = METRICS["fid"].show
    rows = []
    for value, name, args in sorted(rungs, key=itemgetter(0)):
        spread = f" ± {args['deviation']:.2g}" if "deviation" in args else ""
        rows.append([name, f"{args['n']:,}", show(value) + spread])
    head = [Text("pictures", "图片"), Text("how many", "数量"), METRICS["fid"].title]
    return table([text.say(language) for text in head], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
