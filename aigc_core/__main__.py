"""`python -m aigc_core COMMAND`: the suite without a browser."""

import argparse
import locale
import os
import sys

from aigc_core.commands import add, doctor, fetch, models, remove, run, sample
from aigc_core.errors import AigcError
from aigc_core.text import LANGUAGES, Language


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; 0 when it did what it should, 2 with a sentence when it could not."""
    parser = argparse.ArgumentParser(prog="python -m aigc_core", description=__doc__)
    parser.add_argument("--lang", choices=LANGUAGES, default=spoken(), help="of messages")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (sample, run, models, fetch, remove, add, doctor):
        command.add(commands)
    options = parser.parse_args(arguments)
    try:
        options.do(options)
    except AigcError as error:
        print(error.text.say(options.lang), file=sys.stderr)
        return 2
    return 0


def spoken() -> Language:
    """The language of the terminal."""
    name = os.environ.get("LC_ALL") or os.environ.get("LANG") or (locale.getlocale()[0] or "")
    return "zh" if name.startswith("zh") else "en"


if __name__ == "__main__":
    sys.exit(main())
