"""The Markdown of a model's card, in English and then in Chinese."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

from aigc_core.metrics.about import About
from aigc_core.metrics.card import Card
from aigc_core.metrics.glossary import BETTER, METRICS
from aigc_core.metrics.kinds import kind_of
from aigc_core.metrics.ladders import LADDERS
from aigc_core.text import LANGUAGES, Language, Text, paragraph

HEADINGS = {"en": "English", "zh": "中文"}

TRAINING = Text("How it was trained", "训练方法")
DATA = Text("Data and licence", "数据与许可")
FIGURES = Text("Figures", "指标")
SHARES = Text("Shares of the digits", "各数字所占比例")
LIMITS = Text("Limits", "局限")
COMMAND = Text("Made by", "生成命令")
PAPERS = Text("It follows:", "参考论文：")

WEIGHTS = Text(
    "The weights: {weights}. Their file has the digest `{digest}`.",
    "权重：{weights}。权重文件摘要为 `{digest}`。",
)
MANY, SOURCE = Text("how many", "数量"), Text("published", "公布值")


@dataclass(frozen=True)
class Section:
    """A part of a card of its own, in Markdown."""

    title: Text
    body: Text


@dataclass(frozen=True)
class Story:
    """What the text of a card says beside the figures.

    Args:
        title: of the model.
        licence: of its weights.
        about: the prose that is its own.
        data: what it was trained on, and under which licence that stands.
        training: facts of its training.
        digest: of its weights.
        protocol: how the figures were measured.
        command: what wrote the card.
        history: what is told of the way it was trained, where that was kept.
        sections: what else there is to show, such as samples; below the figures.
    """

    title: Text
    licence: str
    about: About
    data: Text
    training: tuple[Text, ...]
    digest: str
    protocol: Text
    command: str
    history: Section | None = None
    sections: tuple[Section, ...] = ()


def write_text(card: Card, story: Story) -> str:
    """The whole Markdown of a card, both languages."""
    parts = [f"# {card.model}"]
    for language in LANGUAGES:
        parts += [f"## {HEADINGS[language]}", *sections(card, story, language)]
    return "\n\n".join(parts)


def sections(card: Card, story: Story, language: Language) -> list[str]:
    def heading(text: Text) -> str:
        return f"### {text.say(language)}"

    weights = WEIGHTS.fill(weights=story.licence, digest=story.digest)
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
        parts += [heading(story.history.title), story.history.body.say(language)]
    parts += [
        heading(DATA),
        paragraph(story.data, weights).say(language),
        heading(FIGURES),
        story.protocol.say(language),
        figure_table(card, language),
    ]
    if card.figure("class_distance"):
        parts += [heading(SHARES), share_table(card, language)]
    for section in story.sections:
        parts += [heading(section.title), section.body.say(language)]
    if card.ladder:
        ladder = LADDERS[card.ladder[0].metric]
        parts += [heading(ladder.title), ladder.intro.say(language), ladder_table(card, language)]
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
        *([kind_of(card).beside] if floors else []),
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
    """The ladder by falling quality, with the model on its own rung; nothing without a ladder."""
    if not card.ladder:
        return ""
    metric = card.ladder[0].metric
    ladder, show = LADDERS[metric], METRICS[metric].show
    rungs = [(rung.value, ladder.steps[rung.step].say(language), rung.args) for rung in card.ladder]
    if figure := card.figure(metric):
        rungs.append((figure.value, f"**{card.model}**", figure.args))
    rows = []
    for value, name, args in sorted(rungs, key=itemgetter(0)):
        spread = f" ± {args['deviation']:.2g}" if "deviation" in args else ""
        source = args.get("source")
        known = f"[{SOURCE.say(language)}]({source})" if source else f"{args['n']:,}"
        rows.append([name, known, show(value) + spread])
    head = [ladder.subject, MANY, METRICS[metric].title]
    return table([text.say(language) for text in head], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
