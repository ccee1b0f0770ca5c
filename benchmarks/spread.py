"""`python -m benchmarks.spread MODEL`: how wide the noise should be that a model draws from.

In training its standard deviation is 1: a GAN's noise is drawn so, and a VAE's prior says so of
its latents. Drawn a little wider, it may give a GAN the variety back that training lost, at the
cost of stranger pictures; drawn narrower, it stays where a VAE's decoder saw most latents of
training digits. This prints FID, Inception score, label accuracy and class distance over the
standard deviation, on seeds that no card uses. A network's `spread` is the one with the lowest FID,
or a little above that where it evens out the classes, or 1 where its noise is left as it was in
training.
"""

import argparse
import sys
from collections.abc import Sequence

from aigc_core.checkpoint import read_config
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.metrics import reference as references
from aigc_core.metrics.evaluate import look
from aigc_core.samples import sample
from aigc_core.tasks.image import SampleImages
from benchmarks.measure import report, table
from benchmarks.quality import NAMES, figures, shown

# Coarse where a VAE may be best, fine where a GAN may be.
DEVIATIONS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.02, 1.04, 1.05, 1.06, 1.07, 1.08, 1.1, 1.12)
FIRST_SEED = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--count", type=int, default=10_000, help="pictures for each")
    parser.add_argument("--deviations", type=float, nargs="+", help="of the noise "
                        "(default: of 0.5 to 1.12 those that a request can ask for)")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        with report("spread"):
            print(measured(options.model, options.count, options.deviations))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(model: str, count: int, deviations: Sequence[float] | None) -> str:
    """A row for each standard deviation of the noise; None takes the usual ones."""
    engine, reference = Engine.default(batching=False), references.read()
    own = read_config(engine.catalog.find(model).folder).get("spread", 1.0)
    rows = []
    for deviation in deviations or reachable(own):
        made = sample(model, count, FIRST_SEED, truncation=deviation / own, engine=engine)
        rows.append([f"{deviation:g}", *shown(figures(look(*made), reference))])
    return table([f"deviation, n = {count:,}", *NAMES.values()], rows)


def reachable(own: float) -> list[float]:
    """The usual deviations, as far as a request can ask for them.

    Its truncation scales the noise of the network, which has a deviation of its own, and is
    bounded.
    """
    least, most = SampleImages.bounds("truncation")
    assert least is not None
    assert most is not None
    return [deviation for deviation in DEVIATIONS if least <= deviation / own <= most]


if __name__ == "__main__":
    sys.exit(main())
