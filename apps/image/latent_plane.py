"""The plane of the latent map: what the page's script finds there, and what it is given to show."""

import base64
import json
from typing import Any

import numpy as np

from aigc_core.catalog import Entry
from aigc_core.metrics.places import Places, read_places
from aigc_core.text import Text
from apps.ui.markup import said

KEYS = Text(
    "Map of the latent space. Arrow keys move the point.", "潜空间地图。方向键移动所选的点。"
)
SHOWS = (
    ("pictures", Text("Pictures", "图片")),
    ("both", Text("Both", "两者")),
    ("dots", Text("Test digits", "测试数字")),
)
# Ten colours that people with any kind of colour vision tell apart, on light and on dark:
# M. A. Petroff, Accessible Color Sequences for Data Visualization, https://arxiv.org/abs/2107.02270
HUES = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
# Where the point and the ends of the path are at first.
POINT, START, END = (1.05, 0.75), (-1.8, -1.8), (1.5, 1.5)


def seen(source: str, reach: float, entry: Entry) -> dict[str, Any]:
    """What the page's script shows: the map, how far it goes, and the test digits on it."""
    places = read_places(entry.folder)
    return {"picture": source, "reach": reach, "dots": packed(places) if places else None}


def packed(places: Places) -> str:
    """The places in Base64: x and y as 16 bits each, in thousandths, then the classes."""
    points = np.clip(np.round(places.points.astype(np.float32) * 1000), -32768, 32767)
    return base64.b64encode(points.astype("<i2").tobytes() + places.labels.tobytes()).decode()


def template() -> str:
    """The map as the page's script finds it."""
    data = {"hues": HUES, "point": POINT, "start": START, "end": END}
    kept = " ".join(f"data-{name}='{json.dumps(value)}'" for name, value in data.items())
    kinds = "".join(
        f'<button type="button" data-kind="{kind}" aria-pressed="false">'
        f'<i style="background:{hue}"></i>{kind}</button>'
        for kind, hue in enumerate(HUES)
    )
    label = said(KEYS)
    return (
        f'<div class="plane" tabindex="0" role="application" aria-label="{label}" {kept} '
        f'data-show="{SHOWS[0][0]}"><img alt="" draggable="false"><canvas></canvas>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none"><line /><line /></svg>'
        '<b data-mark="start">A</b><b data-mark="end">B</b><i data-mark="point"></i>'
        '<small data-edge="-"></small><small data-edge=""></small></div>'
        f'<div class="legend" hidden>{kinds}</div>'
    )
