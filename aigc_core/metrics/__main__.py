"""`python -m aigc_core.metrics MODEL`: measure a model and write its card."""

import argparse
import sys

from aigc_core.errors import AigcError
from aigc_core.metrics.card import CARD
from aigc_core.metrics.prose import figure_table, ladder_table
from aigc_core.text import LANGUAGES

REFERENCE = "reference"


def main(arguments: list[str] | None = None) -> int:
    """0 when the card is written, 2 with a sentence when it cannot be."""
    parser = argparse.ArgumentParser(prog="python -m aigc_core.metrics", description=__doc__)
    parser.add_argument("model", help="of the catalog; `mnist-classifier` for the judge itself; "
                        "`reference` to derive what figures compare with")  # fmt: skip
    parser.add_argument("--count", type=int, help="pictures or texts to draw and to compare "
                        "(default: what its kind of card holds)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the first sample")
    parser.add_argument("--lang", choices=LANGUAGES, default="en", help="of what is printed")
    options = parser.parse_args(arguments)

    # Only now, so that help and typing errors do not wait for PyTorch.
    from aigc_core.metrics import judge, reference, report_digits, unseen
    from aigc_core.metrics.report import report

    try:
        if options.model == REFERENCE:
            training, test = report_digits.write_reference()
            print(f"{reference.PATH.name}: {training.moments.count:,} training digits")
            print(f"{unseen.PATH.name}: {len(test):,} test digits")
            return 0
        if options.model == judge.NAME:
            card = report_digits.report_judge()
        else:
            card = report(options.model, options.count, options.seed)
    except AigcError as error:
        print(error.text.say(options.lang), file=sys.stderr)
        return 2
    print(figure_table(card, options.lang))
    if card.ladder:
        print("", ladder_table(card, options.lang), sep="\n")
    print(f"\n{card.model}/{CARD}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
