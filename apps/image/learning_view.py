"""The markup of a training to scrub through; learning.js moves it.

Places are shares of the width or height, so that nothing need be drawn anew at another size. What
stands there before the script runs is the last moment.
"""

import json
from html import escape
from pathlib import Path
from typing import Any

from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.history_panels import IMAGES, REAL, Panel, axis, panels
from aigc_core.metrics.scales import short
from aigc_core.metrics.training_history import CLASSES, SPRITE, TrainingHistory
from aigc_core.text import Text
from apps.ui.language import both
from apps.ui.markup import address, lede

PICTURES = Text(
    "36 pictures that {model} draws from the same noise at the chosen moment of its training",
    "{model} 在所选训练时刻用同一组噪声绘制的 36 幅图",
)
STRIP = Text(
    "Of {count:,} pictures, the share that the judge reads as each digit",
    "{count:,} 幅图中，评判网络认作各个数字的比例",
)
MOMENT = Text("Moment of the training", "训练时刻")
PLAY, PAUSE = Text("Play", "播放"), Text("Pause", "暂停")
STEP = Text("step", "步数")
DIGITS = Text("digits drawn", "画出的数字")
PROTOCOL = Text(
    "Horizontal axis: training pictures seen, logarithmic. At each moment {count:,} pictures of "
    "the same seeds are measured; a digit counts as drawn from 1 % of them on. Losses are means "
    "over the training's own steps. Measured by",
    "横轴：已见训练图片数（对数刻度）。每个时刻测量相同种子的 {count:,} 幅图；"
    "占比达 1% 即算画出该数字。损失为训练各步的均值。测量命令",
)


def player(history: TrainingHistory, folder: Path) -> str:
    """The pictures, the figures of a moment, the shares of the digits, and the slider."""
    sprite = address("image/png", (folder / SPRITE).read_bytes())
    told = moments(history)
    last = len(told) - 1
    names = {
        "step": STEP,
        "images": IMAGES,
        "fid": METRICS["fid"].title,
        "inception_score": METRICS["inception_score"].title,
        "modes": DIGITS,
    }
    facts = "".join(
        f'<div><span>{both(said)}</span><b data-shown="{key}">{told[-1][key]}</b></div>'
        for key, said in names.items()
    )
    return (
        f'<div class="player" data-moments="{escape(json.dumps(told))}">'
        f'<div class="frames pixels" role="img" aria-labelledby="learning-seen" '
        f'style="background-image:url({sprite});'
        f'background-size:100% {100 * len(told)}%"></div>'
        f"{unseen('learning-seen', PICTURES.fill(model=history.recipe))}"
        f'<div class="figures">{facts}</div>{strip(history)}'
        '<div class="scrub"><button type="button" data-play aria-pressed="false">'
        f'<span class="to-play">{both(PLAY)}</span><span class="to-pause">{both(PAUSE)}</span>'
        f'</button><input type="range" min="0" max="{last}" step="1" value="{last}" '
        f'aria-labelledby="learning-moment">{unseen("learning-moment", MOMENT)}</div></div>'
    )


def moments(history: TrainingHistory) -> list[dict[str, Any]]:
    """What is shown of each moment."""
    rows = zip(
        history.steps,
        history.images,
        history.fid,
        history.inception_score,
        history.modes,
        history.shares,
        strict=True,
    )
    return [
        {
            "step": f"{step:,}",
            "images": f"{images:,}",
            "fid": METRICS["fid"].show(fid),
            "inception_score": METRICS["inception_score"].show(score),
            "modes": f"{modes} / {CLASSES}",
            "shares": [round(share, 4) for share in shares],
        }
        for step, images, fid, score, modes, shares in rows
    ]


def unseen(id: str, said: Text) -> str:
    """A description for those who do not see what it names."""
    return f'<span class="unseen" id="{id}">{both(said)}</span>'


def strip(history: TrainingHistory) -> str:
    """The digits side by side, each as wide as its share of the pictures."""
    parts = "".join(
        f'<i style="flex-grow:{share:.4f}"><b>{digit}</b></i>'
        for digit, share in enumerate(history.shares[-1])
    )
    said = STRIP.fill(count=history.protocol.count)
    return (
        f'<div class="strip" role="img" aria-labelledby="learning-strip">{parts}</div>'
        f'<p class="quiet" id="learning-strip">{both(said)}</p>'
    )


def curves(history: TrainingHistory, sentence: Text) -> str:
    """What to look for, the charts, and how the figures were measured."""
    x = axis(history)
    places = json.dumps([round(x.place(images), 4) for images in history.images])
    marks = "".join(
        f'<span style="left:{100 * x.place(value):.2f}%">{short(value)}</span>'
        for value in x.ticks()
    )
    charts = "".join(chart(panel, marks) for panel in panels(history))
    said = both(PROTOCOL.fill(count=history.protocol.count))
    command = f"python -m aigc_core.metrics.history {history.recipe}"
    return (
        f'{lede(sentence)}<div class="charts" data-places="{places}">{charts}</div>'
        f'<p class="quiet">{said} <code>{escape(command)}</code></p>'
    )


def chart(panel: Panel, marks: str) -> str:
    """One chart: its name and value, its curve, and a cursor at the last moment."""
    values = escape(json.dumps(panel.values))
    heights = json.dumps([None if h is None else round(h, 4) for h in panel.heights])
    points = " ".join(f"{1000 * a:.0f},{1000 * (1 - b):.0f}" for a, b in panel.curve)
    lines = "".join(
        f'<span style="bottom:{100 * at:.2f}%"><b>{said}</b></span>' for at, said in panel.ticks
    )
    real = ""
    if panel.real is not None:
        real = f'<em style="bottom:{100 * panel.real:.2f}%">{both(REAL)}</em>'
    # Metrics stand among the figures of the moment already.
    value = "" if panel.key in METRICS else f"<b>{panel.values[-1]}</b>"
    note = f"<small>{both(panel.note)}</small>" if panel.note else ""
    height = panel.heights[-1]
    return (
        f'<figure class="chart {panel.hue}" data-key="{escape(panel.key)}" '
        f'data-values="{values}" data-heights="{heights}">'
        f"<figcaption>{both(panel.title)}{value}{note}</figcaption>"
        f'<div class="plot"><div class="lines">{lines}</div>{real}'
        f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">'
        f'<polyline points="{points}"/></svg>'
        f'<i class="cursor" style="left:100%"></i>'
        f'<i class="dot" style="left:100%;bottom:{100 * (height or 0):.2f}%"></i></div>'
        f'<div class="marks">{marks}</div></figure>'
    )
