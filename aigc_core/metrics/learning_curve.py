"""`python -m aigc_core.metrics.learning_curve RECIPE`: how a text model learned.

Reads the losses that a training wrote down and, of a language model, measures each snapshot that it
kept on unseen text. Writes history.svg beside the model's weights, where its card shows it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.sax.saxutils import escape

from aigc_core.checkpoint import WEIGHTS
from aigc_core.checkpoints import CHECKPOINTS
from aigc_core.errors import AigcError, UnreadableFile
from aigc_core.metrics.glossary import player_name
from aigc_core.metrics.history import NOT_OURS, fingerprint, snapshots
from aigc_core.metrics.history_chart import COLOURS, FONTS, LINE, PAPER, QUIET, line, text
from aigc_core.metrics.loss_log import read_log
from aigc_core.metrics.prose import Section
from aigc_core.metrics.scales import Scale, short
from aigc_core.metrics.training_history import CHART
from aigc_core.text import LANGUAGES, Text

if TYPE_CHECKING:
    from torch import nn

    from aigc_core.training.recipe import Recipe

# Of the unseen text, what each snapshot is measured on: stretches spread over it, and poems.
STRETCHES, CHARACTERS, POEMS = 8, 2_500, 200

TITLE = Text("Training", "训练过程")
SHOWN = Text(
    "![loss over the training's steps]({chart})\n\n"
    "The training's own losses, means of stretches of it{unseen}.\n\n"
    "    python -m aigc_core.metrics.learning_curve {model}",
    "![损失随训练步数的变化]({chart})\n\n"
    "训练自身的损失（各段均值）{unseen}。\n\n"
    "    python -m aigc_core.metrics.learning_curve {model}",
)
BESIDE = Text(
    ", and what unseen text cost the snapshots that were kept: {count:,} characters spread over "
    "it, so that the last value may differ a little from the table's",
    "，以及所存各快照在未见文本上的代价：只取均匀分布其中的 {count:,} 个字符，"
    "因此末值可能与表中略有出入",
)
NAME = Text("Training of {model}", "{model} 的训练过程")
STEPS = Text("steps", "训练步数")
UNSEEN = Text("unseen text, nats a character", "未见文本，每字符纳特")
LOSS = Text("loss of the {player}", "{player}损失")
HUES = ("ink", "blue", "olive")
WIDTH, HEIGHT, LEFT, TOP, RIGHT, DOWN = 760, 360, 56, 92, 740, 310


class Curve(NamedTuple):
    """One line of the picture: its name, its colour and its (step, value) points."""

    name: Text
    colour: str
    points: Sequence[tuple[float, float]]


def main(arguments: list[str] | None = None) -> int:
    """0 when the picture is written, 2 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(
        prog="python -m aigc_core.metrics.learning_curve",
        description=__doc__.partition(": ")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", help="such as transformer-shakespeare; an unknown one lists all")
    parser.add_argument("--folder", type=Path, help="of the training (default: runs/RECIPE)")
    parser.add_argument("--out", type=Path, help="folder to write into "
                        "(default: aigc_core/checkpoints/RECIPE)")  # fmt: skip
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="of what is printed")
    options = parser.parse_args(arguments)

    # Only now, so that help and typing errors do not wait for PyTorch.
    from aigc_core.training.recipes import find

    try:
        recipe = find(options.recipe)
        run = options.folder or Path("runs") / recipe.name
        path = write(recipe, run, options.out or CHECKPOINTS / recipe.name)
    except AigcError as error:
        print(error.text.say(options.lang), file=sys.stderr)
        return 2
    print(path)
    return 0


def write(recipe: "Recipe", run: Path, folder: Path) -> Path:
    """Draws the curves of a run into a model's folder.

    Raises:
        UnreadableFile: the log or the snapshots are missing, damaged or of another network.
    """
    files = snapshots(run)
    thin = read_log(run).thinned()
    middles = (thin.starts + thin.ends) / 2
    curves = [
        Curve(
            LOSS.fill(player=player_name(player)),
            COLOURS[hue],  # type: ignore[index]
            list(zip(middles, values, strict=True)),
        )
        for hue, (player, values) in zip(HUES, thin.losses.items(), strict=False)
    ]
    network = recipe.objective().players[recipe.ships]
    measure, count = unseen(network)
    if measure is not None:
        points = [(step, measure(loaded(network, file))) for step, file in files.items()]
        curves.append(Curve(UNSEEN, COLOURS["seal"], points))
    last = list(files.values())[-1]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CHART
    path.write_text(draw(recipe.name, curves, fingerprint(last), count), "utf-8")
    return path


def loaded(network: "nn.Module", file: Path) -> "nn.Module":
    """The network with a snapshot's weights, in eval mode.

    Raises:
        UnreadableFile: the file is damaged, or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(file), strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise UnreadableFile(NOT_OURS, name=file.name) from error
    return network.float().eval()


def unseen(network: Any) -> tuple[Callable[[Any], float] | None, int]:
    """What measures a language model in nats a character, and on how many; None of others."""
    from aigc_core.data import shakespeare, tang
    from aigc_core.metrics.copying import stretches
    from aigc_core.metrics.language import NOTHING, long_text_costs, numbers, row_costs
    from aigc_core.metrics.poems import rows_of

    vocabulary = getattr(network, "vocabulary", "")
    if not hasattr(network, "context"):
        return None, 0
    if vocabulary == shakespeare.vocabulary():
        found = stretches(shakespeare.load_shakespeare("test"), STRETCHES, CHARACTERS + 1)
        texts = [numbers(text, vocabulary) for text in found]

        def mean(network: Any) -> float:
            costs = [float(long_text_costs(network, ids).double().mean()) for ids in texts]
            return sum(costs) / len(costs)

        return mean, STRETCHES * CHARACTERS
    if vocabulary == tang.vocabulary():
        poems = tang.load_quatrains("test")
        # Those of five characters stand first; both kinds are to be measured.
        rows = rows_of([p.text for p in poems[:: max(1, len(poems) // POEMS)]], vocabulary)
        known = rows[:, 1:] != NOTHING
        return lambda network: float(row_costs(network, rows).numpy()[known].mean()), known.sum()
    return None, 0


def draw(model: str, curves: Sequence[Curve], weights: str, count: int) -> str:
    """The picture as SVG; it tells of which weights it is, and of how many unseen characters."""
    x = Scale.over((s for c in curves for s, _ in c.points), logarithmic=True, room=0)
    y = Scale.over(v for c in curves for _, v in c.points)
    name = NAME.fill(model=model).abreast()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" font-family="{FONTS}" font-size="12" fill="{QUIET}">',
        f"<title>{escape(name)}</title>",
        f"<desc>{weights} {count}</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        text(20, 32, name, f'font-size="17" font-weight="600" fill="{COLOURS["ink"]}"'),
    ]
    for tick in y.ticks():
        height = DOWN - (DOWN - TOP) * y.place(tick)
        parts.append(line(LEFT, height, RIGHT, height, LINE))
        parts.append(text(LEFT - 6, height + 4, f"{tick:g}", 'text-anchor="end" font-size="11"'))
    for tick in x.ticks():
        across = LEFT + (RIGHT - LEFT) * x.place(tick)
        parts.append(text(across, DOWN + 16, short(tick), 'text-anchor="middle" font-size="11"'))
    parts.append(text(RIGHT, DOWN + 34, STEPS.abreast(), 'text-anchor="end" font-size="11"'))
    for place, curve in enumerate(curves):
        said = f'fill="{curve.colour}" font-weight="600"'
        parts.append(text(LEFT, 54 + 16 * place, curve.name.abreast(), said))
        points = " ".join(
            f"{LEFT + (RIGHT - LEFT) * x.place(step):.1f},{DOWN - (DOWN - TOP) * y.place(v):.1f}"
            for step, v in curve.points
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{curve.colour}" stroke-width="1.8" '
            'stroke-linejoin="round"/>'
        )
    return "\n".join([*parts, "</svg>\n"])


def curve_beside(folder: Path) -> Section | None:
    """What a card tells of a training, where the picture in the folder is of the weights there."""
    path = folder / CHART
    if not path.is_file():
        return None
    told = path.read_text("utf-8").partition("<desc>")[2].partition("</desc>")[0].split()
    if not told or told[0] != fingerprint(folder / WEIGHTS):
        return None
    count = int(told[1])
    beside = BESIDE.fill(count=count) if count else ""
    return Section(TITLE, SHOWN.fill(chart=CHART, unseen=beside, model=folder.name))


if __name__ == "__main__":
    sys.exit(main())
