"""What a person sees of a training: a log to compute with, curves and sample grids to look at.

Written with the standard library, so that a bare training server needs nothing more.
"""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
from torch import Tensor

INKS = ("#b0301f", "#1c1917", "#4f6d7a", "#8a7a3b")


class Log:
    """`log.jsonl`, a line per report, and `losses.svg`, redrawn each time.

    Args:
        folder: where they lie.
        step: the step from which the training goes on; later lines are dropped.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        path = folder / "log.jsonl"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.rows = [row for row in map(json.loads, lines) if row["step"] <= step]

    def write(self, step: int, losses: dict[str, float], rate: float) -> None:
        """Adds a line: mean losses since the last one, and images per second."""
        self.rows.append({"step": step, "losses": losses, "images_per_s": round(rate, 1)})
        text = "".join(json.dumps(row) + "\n" for row in self.rows)
        part = self.folder / "log.jsonl.part"
        part.write_text(text, "utf-8")
        part.replace(self.folder / "log.jsonl")
        (self.folder / "losses.svg").write_text(curves(self.rows), "utf-8")


def curves(rows: list[dict]) -> str:
    """An SVG of the losses over the steps, one line per player."""
    width, height, edge = 640, 300, 44
    # A player may join later than the others.
    names = list(dict.fromkeys(name for row in rows for name in row["losses"]))
    top = max(max(row["losses"].values()) for row in rows) or 1.0
    bottom = min(0.0, *(min(row["losses"].values()) for row in rows))
    span = top - bottom or 1.0
    last = rows[-1]["step"]

    def place(step: int, loss: float) -> str:
        x = edge + (width - 2 * edge) * step / last
        y = height - edge - (height - 2 * edge) * (loss - bottom) / span
        return f"{x:.1f},{y:.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#faf8f4"/>',
        f'<text x="{edge}" y="{height - 16}">0</text>',
        f'<text x="{width - edge}" y="{height - 16}" text-anchor="end">step {last}</text>',
        f'<text x="{edge - 6}" y="{edge}" text-anchor="end">{top:.2f}</text>',
        f'<text x="{edge - 6}" y="{height - edge}" text-anchor="end">{bottom:.2f}</text>',
    ]
    for index, name in enumerate(names):
        ink = INKS[index % len(INKS)]
        told = [row for row in rows if name in row["losses"]]
        points = " ".join(place(row["step"], row["losses"][name]) for row in told)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{ink}" stroke-width="1.5"/>')
        parts.append(f'<text x="{edge + 130 * index}" y="24" fill="{ink}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def write_samples(path: Path, shown: Tensor | str) -> None:
    """What an objective shows, in a file whose ending says what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(shown, str):
        path.with_suffix(".txt").write_text(shown, "utf-8")
    else:
        write_grid(path.with_suffix(".png"), shown)


def write_grid(path: Path, pictures: Tensor, columns: int = 10) -> None:
    """Pictures (n, h, w) in 0..1 as one grey PNG, row by row."""
    values = (pictures.detach().float().cpu().clamp(0, 1) * 255).round().byte().numpy()
    n, h, w = values.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * columns, h, w), np.uint8)
    sheet[:n] = values
    sheet = sheet.reshape(rows, columns, h, w).transpose(0, 2, 1, 3).reshape(rows * h, columns * w)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(grey_png(sheet))


def grey_png(pixels: np.ndarray) -> bytes:
    """An 8-bit grey PNG (https://www.w3.org/TR/png-3/) of pixels (h, w) uint8."""
    height, width = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(lines))
        + chunk(b"IEND", b"")
    )
