"""`python -m benchmarks.spread MODEL`: how wide a GAN's noise should be drawn.

The noise of a generator has a standard deviation of 1 in training. Drawn a little wider it may
give the variety back that training lost, at the cost of stranger pictures. This prints FID, label
accuracy and Inception score over the standard deviation, on seeds that no card uses; a network's
`spread` is the one with the lowest FID.
"""

import argparse
import sys

from aigc_core.checkpoint import read_config
from aigc_core.engine import Engine
from aigc_core.errors import AigcError
from aigc_core.metrics import reference as references
from aigc_core.metrics.evaluate import look
from aigc_core.samples import sample
from benchmarks.measure import report, table
from benchmarks.quality import NAMES, figures, shown

DEVIATIONS = (1.0, 1.02, 1.04, 1.05, 1.06, 1.07, 1.08, 1.1, 1.12)
FIRST_SEED = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--count", type=int, default=10_000, help="pictures for each")
    parser.add_argument("--deviations", type=float, nargs="+", default=DEVIATIONS)
    options = parser.parse_args(arguments)
    try:
        with report("spread"):
            print(measured(options.model, options.count, options.deviations))
    except AigcError as error:
        print(error.text.en, file=sys.stderr)
        return 2
    return 0


def measured(model: str, count: int, deviations: list[float]) -> str:
    """A row for each standard deviation of the noise."""
    engine, reference = Engine.default(batching=False), references.read()
    own = read_config(engine.catalog.find(model).folder).get("spread", 1.0)
    rows = []
    for deviation in deviations:
        made = sample(model, count, FIRST_SEED, truncation=deviation / own, engine=engine)
        rows.append([f"{deviation:g}", *shown(figures(look(*made), reference))])
    return table([f"deviation, n = {count:,}", *NAMES.values()], rows)


if __name__ == "__main__":
    sys.exit(main())
