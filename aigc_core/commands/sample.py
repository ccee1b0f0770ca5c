"""`sample MODEL`: many pictures of one model as arrays, for metrics of any kind."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from aigc_core.exports import writable
from aigc_core.samples import sample
from aigc_core.tasks.image import SampleImages


def add(commands: Any) -> None:
    parser = commands.add_parser("sample", help="many pictures of one model as an .npz file")
    parser.add_argument("model")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0, help=SampleImages.shown("seed").help.en)
    parser.add_argument("--label", default="any", help=SampleImages.shown("label").help.en)
    parser.add_argument("--truncation", type=float, default=1.0)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz",
                        help="arrays `images` (N, h, w) in 0..1 and `labels` (N,)")  # fmt: skip
    parser.set_defaults(do=do)


def do(options: argparse.Namespace) -> None:
    images, labels = sample(
        options.model,
        options.count,
        options.seed,
        options.label,
        truncation=options.truncation,
    )
    with writable(options.out):
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with options.out.open("wb") as file:
            np.savez_compressed(file, images=images, labels=labels)
    print(f"{options.out}: {len(images)} x {images.shape[1]} x {images.shape[2]}")
