"""What a model made of a picture: its reconstruction, its cost, its place, and its neighbours."""

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from aigc_core.artifact import Artifact
from aigc_core.catalog import Entry
from aigc_core.media import Image
from aigc_core.metrics.card import Figure
from aigc_core.metrics.glossary import METRICS
from aigc_core.metrics.places import PLACES, read_places
from aigc_core.text import Text
from apps.image.latent_plane import HUES
from apps.ui.language import both
from apps.ui.markup import address, picture, said
from apps.ui.quality import card_of

GIVEN = Text("what the model reads", "模型读到的")
BACK = Text("what comes back", "重建结果")
HERE, USUAL, MOST = (
    Text("this picture", "此图"),
    Text("test digits", "测试数字"),
    Text("99 % stay below", "99% 低于"),
)
FAR = Text(
    "Far from the training data: it costs {value} nats, {beyond} more than the {limit} that 99 % "
    "of test digits stay below.",
    "远离训练数据：代价为 {value} 纳特，99% 的测试数字低于 {limit}，此图高出 {beyond}。",
)
NEAR = Text(
    "Like the training data: it costs {value} nats, and 99 % of test digits less than {limit}.",
    "与训练数据相近：代价为 {value} 纳特，99% 的测试数字低于 {limit}。",
)
COSTS = ("distortion", "rate", "elbo_nll", "iw_nll")
TAIL = 0.99
REACH, DOTS = 3.0, 440  # Of the small map: standard deviations each way, and pixels.
ON_THE_MAP = Text("its place among test digits", "在测试数字中的位置")
BY_LABEL = Text("a {label}, {distance} away", "{label}，距离 {distance}")


def reading(artifacts: tuple[Artifact, ...], entry: Entry) -> str:
    """The picture, what comes back of it, and what it costs in nats beside test digits."""
    given, back = artifacts
    pictures = "".join(
        f"<figure>{shown(artifact)}<figcaption>{both(name)}</figcaption></figure>"
        for artifact, name in ((given, GIVEN), (back, BACK))
    )
    return f'<div class="reading">{pictures}<div>{costs(back.record.details, entry)}</div></div>'


def shown(artifact: Artifact) -> str:
    assert isinstance(artifact.media, Image)
    return picture(artifact.media, artifact.record.describe())


def costs(details: dict[str, float], entry: Entry) -> str:
    """A table of nats, and how far that is from the training data."""
    card = card_of(entry)
    values = {
        "distortion": details["distortion"],
        "rate": details["rate"],
        "elbo_nll": details["distortion"] + details["rate"],
        "iw_nll": -details["log_likelihood"],
    }
    figures = {name: card.figure(name) if card else None for name in COSTS}
    compared = any(figures.values())
    names = (HERE, USUAL, MOST) if compared else (HERE,)
    head = "".join(f"<th>{both(name)}</th>" for name in names)
    rows = "".join(row(name, values[name], figures[name], compared) for name in COSTS)
    table = f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return table + verdict(values["iw_nll"], figures["iw_nll"])


def row(name: str, value: float, figure: Figure | None, compared: bool) -> str:
    metric = METRICS[name]
    cells = [f"<b>{value:.1f}</b>"]
    if compared:
        limit = tail(figure)
        cells += [
            f"{figure.value:.1f}" if figure else "",
            "" if limit is None else f"{limit:.1f}",
        ]
    columns = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr title="{said(metric.says)}"><th>{both(metric.title)}</th>{columns}</tr>'


def verdict(value: float, figure: Figure | None) -> str:
    """Whether the picture costs more than nearly all test digits; nothing where that is unknown."""
    limit = tail(figure)
    if limit is None:
        return ""
    far = value > limit
    words = (FAR if far else NEAR).fill(
        value=f"{value:.1f}", limit=f"{limit:.1f}", beyond=f"{value - limit:.1f}"
    )
    return f'<p class="{"verdict far" if far else "verdict"}">{both(words)}</p>'


def tail(figure: Figure | None, at: float = TAIL) -> float | None:
    """What that share of test digits stays below, where the card has it."""
    if figure is None:
        return None
    quantiles = zip(
        figure.args.get("quantiles_at", ()), figure.args.get("quantiles", ()), strict=False
    )
    return dict(quantiles).get(at)


def grid(pixels: np.ndarray, rows: int, distance: float, description: Text) -> str:
    """Rows of variations (rows * 28, columns * 28), each with how far it lies."""
    lines = "".join(
        f"<span>{distance * (place + 1) / rows:.2f}</span>{picture(Image(part), description)}"
        for place, part in enumerate(np.split(pixels, rows))
    )
    return f'<div class="variations">{lines}</div>'


def place(artifact: Artifact, entry: Entry) -> str:
    """Where a picture lies among the test digits; nothing where nobody has looked for those."""
    if read_places(entry.folder) is None:
        return ""
    x, y = (min(max(value, -REACH), REACH) / REACH for value in artifact.record.details["mean"])
    dots, names = small_map(entry.folder, (entry.folder / PLACES).stat().st_mtime_ns)
    mark = f'<i style="left:{50 + 50 * x:.1f}%;top:{50 - 50 * y:.1f}%"></i>'
    return (
        f'<figure class="place"><div><img src="{dots}" alt="">{names}{mark}</div>'
        f"<figcaption>{both(ON_THE_MAP)}</figcaption></figure>"
    )


@lru_cache(maxsize=8)
def small_map(folder: Path, _changed: int) -> tuple[str, str]:
    """The test digits as dots on nothing, in a data: URL, and each class's name where it lies."""
    places = read_places(folder)
    assert places is not None
    points = places.points.astype(np.float32) / REACH * (1, -1)
    inside = (np.abs(points) < 1).all(axis=1)
    points, labels = points[inside], places.labels[inside]
    columns, lines = ((points + 1) / 2 * DOTS).astype(int).T
    dots = np.zeros((DOTS + 1, DOTS + 1, 4), np.uint8)
    hues = np.array([[*bytes.fromhex(hue[1:]), 255] for hue in HUES], np.uint8)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        dots[lines + down, columns + right] = hues[labels]
    buffer = io.BytesIO()
    Pillow.fromarray(dots).quantize(len(HUES) + 1).save(buffer, "PNG", optimize=True)
    names = "".join(
        f'<b style="left:{50 + 50 * x:.1f}%;top:{50 + 50 * y:.1f}%">{kind}</b>'
        for kind in range(len(HUES))
        if (labels == kind).any()
        for x, y in [np.median(points[labels == kind], axis=0)]
    )
    return address("image/png", buffer.getvalue()), names


def neighbours(artifacts: tuple[Artifact, ...]) -> str:
    """Training digits, nearest first."""
    figures = "".join(
        f"<figure>{shown(artifact)}<figcaption>{both(caption(artifact))}</figcaption></figure>"
        for artifact in artifacts
    )
    return f'<div class="neighbours">{figures}</div>'


def caption(artifact: Artifact) -> Text:
    details = artifact.record.details
    return BY_LABEL.fill(label=details["label"], distance=f"{details['distance']:.2f}")
