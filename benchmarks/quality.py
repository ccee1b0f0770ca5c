"""`python -m benchmarks.quality`: how good each model's pictures are, beside real ones.

Each model that draws from noise is sampled through the engine and shown to the frozen judge; real
digits are as many test digits, measured in the same way. The figures are those of the models'
cards (`python -m aigc_core.metrics MODEL`), measured anew.
"""

import argparse
import sys
from collections.abc import Mapping

from aigc_core.catalog import Catalog
from aigc_core.data.mnist import load_mnist
from aigc_core.errors import AigcError
from aigc_core.metrics import reference as references
from aigc_core.metrics.evaluate import Judged, drawn, look
from aigc_core.metrics.frechet import frechet_distance, moments
from aigc_core.metrics.inception_score import inception_score
from aigc_core.metrics.scores import class_shares, total_variation
from aigc_core.samples import sample
from aigc_core.tasks.image import SampleImages
from benchmarks.measure import Target, report, table

NAMES = {
    "fid": "FID",
    "inception_score": "IS",
    "label_accuracy": "label accuracy, %",
    "class_distance": "class distance",
}
TARGETS = {
    "dcgan-mnist": {
        "fid": Target(0.5),
        "inception_score": Target(9.8, at_least=True),
        "label_accuracy": Target(99.0, at_least=True),
    },
    "gan-mnist": {"fid": Target(8.0), "class_distance": Target(0.08)},
    "wgan-gp-mnist": {"fid": Target(4.0), "inception_score": Target(9.0, at_least=True)},
    "cvae-mnist": {"label_accuracy": Target(97.0, at_least=True)},
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="pictures of each, at most 10,000")
    parser.add_argument("--seed", type=int, default=0, help="of the first picture")
    options = parser.parse_args(arguments)
    try:
        with report("quality"):
            print(measured(options.count, options.seed))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(count: int, seed: int) -> str:
    reference = references.read()
    real = look(*drawn(load_mnist("test"), count, reference.prior))
    head = [f"n = {count:,}", *NAMES.values(), "targets"]
    rows = [["real test digits", *shown(figures(real, reference)), ""]]
    for entry in Catalog.default().answering(SampleImages):
        if entry.is_data:
            continue
        found = figures(look(*sample(entry.id, count, seed)), reference)
        judged = [
            f"{NAMES[name]} {target.show(found[name])}"
            for name, target in TARGETS.get(entry.id, {}).items()
        ]
        rows.append([entry.id, *shown(found), "; ".join(judged)])
    return table(head, rows)


def figures(pictures: Judged, reference: references.Reference) -> dict[str, float]:
    """By the keys of `NAMES`; a model without classes has no label accuracy."""
    features, logits = pictures.judgement
    found = {
        "fid": frechet_distance(moments(features), reference.moments),
        "inception_score": inception_score(logits).mean,
        "class_distance": total_variation(class_shares(logits), reference.prior),
    }
    if (pictures.labels >= 0).all():
        hits = logits.argmax(axis=1) == pictures.labels
        found["label_accuracy"] = 100 * float(hits.mean())
    return found


def shown(values: Mapping[str, float]) -> list[str]:
    return [f"{values[name]:.3f}" if name in values else "" for name in NAMES]


if __name__ == "__main__":
    sys.exit(main())
