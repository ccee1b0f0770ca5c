"""Log lines that people read and programs parse: an event, then its facts as `name=value`."""

import json
import logging
from typing import Any


def note(logger: logging.Logger, event: str, /, level: int = logging.INFO, **facts: Any) -> None:
    """Logs an event, such as `loaded model=sd-turbo device=cuda:0 seconds=3.1`."""
    if logger.isEnabledFor(level):
        said = " ".join(f"{name}={value_of(fact)}" for name, fact in facts.items())
        logger.log(level, "%s %s", event, said)


def value_of(fact: Any) -> str:
    """A value without spaces as it is, anything else as JSON."""
    if isinstance(fact, float):
        return f"{fact:.3g}"
    said = str(fact)
    plain = said and all(c.isprintable() and c not in ' "=' for c in said)
    return said if plain else json.dumps(said, ensure_ascii=False)
