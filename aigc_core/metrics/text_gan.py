"""`python -m aigc_core.metrics.text_gan`: quality against diversity of what models of verse write.

A GAN that writes better lines may write fewer kinds of them, and so does any model at a lower
temperature. Models are therefore compared as curves over the temperature (Caccia et al. 2020,
https://arxiv.org/abs/1811.02549): at the same self-BLEU, whose BLEU is higher?
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aigc_core.data.tang_lines import load_lines
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.media import Writing
from aigc_core.metrics.bleu import mean_bleu, self_bleu
from aigc_core.metrics.card import plain
from aigc_core.tasks.verse import SampleVerse
from aigc_core.verse import LENGTHS

MODELS = ("text-gan-tang-start", "text-gan-tang")
TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1)
ORDERS = (2, 3, 4)
FIRST_SEED = 1_000_000
HEAD = (
    "model", "temperature", *(f"BLEU-{n}" for n in ORDERS), *(f"self-BLEU-{n}" for n in ORDERS),
    "form kept", "distinct lines", "characters", "copies",
)  # fmt: skip


def line_values(
    lines: Sequence[str], held_out: Sequence[str], training: Sequence[str]
) -> dict[str, float]:
    """Figures of lines of verse.

    Args:
        lines: what was written, two lines at least.
        held_out: real lines that no model was trained on.
        training: all that the models were trained on.

    Returns:
        `bleu_2` and on (quality: runs of characters that occur in held-out lines), `self_bleu_2`
        and on (want of diversity: runs that occur in the other lines), `form` (the share of lines
        of five or seven characters), `distinct` (the share of different lines), `characters` (how
        many different ones are used) and `copies` (the share of lines that the training has).
    """
    known = set(training)
    found: dict[str, Any] = {f"bleu_{n}": mean_bleu(lines, held_out, n) for n in ORDERS}
    found |= {f"self_bleu_{n}": self_bleu(lines, n) for n in ORDERS}
    found |= {
        "form": np.mean([len(line) in LENGTHS for line in lines]),
        "distinct": len(set(lines)) / len(lines),
        "characters": len(set("".join(lines))),
        "copies": np.mean([line in known for line in lines]),
    }
    return {name: plain(value) for name, value in found.items()}


def curves(
    models: Sequence[str],
    count: int,
    *,
    temperatures: Sequence[float] = TEMPERATURES,
    engine: Engine | None = None,
    told: Callable[[list[str]], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """The figures of models at temperatures, after those of real training lines.

    Args:
        models: of the catalog, that answer `SampleVerse`.
        count: lines for each.
        told: is given each row as the command prints it.

    Raises:
        AigcError: as `Engine.run`.
    """
    held_out, training = load_lines("test"), load_lines("train")
    engine = engine or Engine.default(batching=False)
    rng = np.random.default_rng(0)
    real = [training[place] for place in rng.choice(len(training), count, replace=False)]
    rows: list[dict[str, Any]] = []

    def add(model: str, temperature: float | None, lines: Sequence[str]) -> None:
        values = line_values(lines, held_out, training)
        rows.append({"model": model, "temperature": temperature, "n": count, **values})
        told(cells(rows[-1]))

    add("real", None, real)
    for model in models:
        for temperature in temperatures:
            add(model, temperature, drawn(engine, model, count, temperature))
    return rows


def drawn(engine: Engine, model: str, count: int, temperature: float) -> list[str]:
    """So many lines of a model, on seeds that no card shows."""
    most = int(SampleVerse.bounds("count")[1] or 1)
    lines: list[str] = []
    while len(lines) < count:
        request = SampleVerse.ask(
            count=min(most, count - len(lines)),
            seed=FIRST_SEED + len(lines),
            temperature=temperature,
        )
        for artifact in engine.result(request, model=model).artifacts:
            assert isinstance(artifact.media, Writing)
            lines.append(artifact.media.text)
    return lines


def cells(row: dict[str, Any]) -> list[str]:
    temperature = row["temperature"]
    return [
        row["model"],
        "–" if temperature is None else f"{temperature:g}",
        *(f"{row[f'bleu_{n}']:.3f}" for n in ORDERS),
        *(f"{row[f'self_bleu_{n}']:.3f}" for n in ORDERS),
        f"{row['form']:.1%}",
        f"{row['distinct']:.1%}",
        f"{row['characters']:,}",
        f"{row['copies']:.2%}",
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m aigc_core.metrics.text_gan", description=__doc__
    )
    parser.add_argument("models", nargs="*", default=MODELS, help="of the catalog")
    parser.add_argument("--count", type=int, default=2000, help="lines for each temperature")
    parser.add_argument("--temperatures", type=float, nargs="+", default=TEMPERATURES)
    options = parser.parse_args(arguments)
    print(f"n = {options.count:,}\n")
    print(*(f"| {' | '.join(line)} |" for line in (HEAD, ["---"] * len(HEAD))), sep="\n")
    try:
        curves(
            options.models,
            options.count,
            temperatures=options.temperatures,
            told=lambda row: print(f"| {' | '.join(row)} |", flush=True),
        )
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
