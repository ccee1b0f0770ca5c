"""`python -m benchmarks.soak`: what the process keeps of models that it loads and unloads.

Two stand-ins (random weights), a language model and a picture pipeline, are switched back and
forth: one is unloaded, the other loaded, run and unloaded in its turn. The process's resident
memory after each switch is written down, and a line is laid through it from the 50th on, when
caches of libraries have been filled.
"""

import argparse
import gc
import sys
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]

from aigc_core.engine import Engine
from aigc_core.metrics.scales import minus, short
from aigc_core.tasks import Request
from aigc_core.tasks.pictures import TextToImage
from aigc_core.tasks.text import ContinueText
from benchmarks.measure import Target, report
from benchmarks.stage import stage

COUNT, FIRST = 500, 50
GROWTH = Target(10.0)
ASKED: dict[str, Request] = {
    "qwen3": ContinueText.ask(prompt="Once upon a time", tokens=4),
    "stable-diffusion": TextToImage.ask(prompt="a red seven", steps=1, width=64, height=64),
}
WIDTH, HIGH, LEFT, TOP = 720, 220, 64, 48
INK, QUIET, SEAL = "#1c1917", "#5a534a", "#b0301f"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"at least {2 * FIRST}")
    parser.add_argument("--out", type=Path, help="an SVG of the curve")
    options = parser.parse_args(arguments)
    if options.count < 2 * FIRST:
        parser.error(f"--count must be at least {2 * FIRST}")
    with report("soak"):
        memory = switch(options.count)
        slope = growth(memory)
        print(
            f"{options.count} switches, {short(round(memory[0] / 1e6))} MB after the first, "
            f"{short(round(memory[-1] / 1e6))} MB after the last; from switch {FIRST} on "
            f"{slope / 1e3:+.2f} kB a switch, {GROWTH.show(slope / 1e3, ' kB')}"
        )
    if options.out:
        options.out.write_text(curve(memory), "utf-8")
    return int(not GROWTH.met(slope / 1e3))


def switch(count: int) -> list[int]:
    """Resident memory in bytes after each of so many switches."""
    memory = []
    with stage(*ASKED) as house:
        engine = house.engine()
        for turn in range(count):
            model = list(ASKED)[turn % len(ASKED)]
            use(engine, model)
            memory.append(int(psutil.Process().memory_info().rss))
        engine.loader.close()
    return memory


def use(engine: Engine, model: str) -> None:
    engine.result(ASKED[model], model=model)
    if not engine.loader.evict(model):
        raise RuntimeError(f"{model} was not unloaded")
    gc.collect()


def growth(memory: list[int]) -> float:
    """Bytes a switch, from the 50th switch on."""
    late = memory[FIRST:]
    return float(np.polyfit(range(len(late)), late, 1)[0])


def curve(memory: list[int]) -> str:
    """The memory over the switches, as an SVG."""
    low, high = min(memory), max(memory)
    room = max(high - low, 20_000_000)
    low -= round(0.1 * room)

    def at(turn: float, value: float) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - 20) * turn / max(1, len(memory) - 1)
        return x, TOP + HIGH * (1 - (value - low) / (1.3 * room))

    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(i, m) for i, m in enumerate(memory)))
    slope = growth(memory)
    middle = float(np.mean(memory[FIRST:]))
    half = (len(memory) - 1 - FIRST) / 2
    (x1, y1), (x2, y2) = (
        at(FIRST, middle - slope * half),
        at(len(memory) - 1, middle + slope * half),
    )
    ticks = "".join(
        f'<text x="{at(turn, low)[0]:.0f}" y="{TOP + HIGH + 18}" text-anchor="middle">{turn}</text>'
        for turn in range(0, len(memory) + 1, max(1, len(memory) // 5))
    )
    levels = "".join(
        f'<text x="{LEFT - 8}" y="{at(0, value)[1] + 4:.0f}" text-anchor="end">'
        f"{value / 1e6:.0f} MB</text>"
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{at(0, value)[1]:.1f}" '
        f'y2="{at(0, value)[1]:.1f}" stroke="#e5dfd4"/>'
        for value in np.linspace(low + 0.1 * room, low + 1.1 * room, 3)
    )
    title = f"Resident memory over {len(memory)} switches of two models · 切换两个模型时的常驻内存"
    each = minus(f"{slope / 1e3:+.1f} kB")
    told = f"{each} a switch from the {FIRST}th on · 从第 {FIRST} 次起，每次切换 {each}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {TOP + HIGH + 32}" '
        f'width="{WIDTH}" font-family="system-ui, Noto Sans CJK SC, sans-serif" font-size="12" '
        f'fill="{QUIET}"><rect width="100%" height="100%" fill="#faf8f4"/>'
        f'<text x="{LEFT}" y="18" font-size="14" fill="{INK}">{title}</text>'
        f'<text x="{LEFT}" y="36" fill="{SEAL}">{told}</text>{levels}{ticks}'
        f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.2"/>'
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{SEAL}" '
        'stroke-width="1.5" stroke-dasharray="5 4"/></svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
