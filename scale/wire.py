"""Events and errors as bytes, from the process that runs a model to the one that shows it."""

import pickle
from dataclasses import dataclass
from typing import Any

from aigc_core.errors import AigcError
from aigc_core.events import Event
from aigc_core.text import Text


@dataclass(frozen=True)
class Answering:
    """The first word of every stream.

    Args:
        replica: who answers.
    """

    replica: str


@dataclass(frozen=True)
class Refused:
    """The last word of a run that ended with an error of a person's.

    Args:
        kind: its class.
        text: its sentence.
        values: its attributes.
    """

    kind: type[AigcError]
    text: Text
    values: dict[str, Any]

    @classmethod
    def of(cls, error: AigcError) -> "Refused":
        """What is to be known of an error elsewhere: no traceback, and nothing it came from."""
        return cls(type(error), error.text, dict(vars(error)))

    def error(self) -> AigcError:
        """The error, as good as new.

        Its constructor takes a cause and not a sentence, so it is not called.
        """
        error = self.kind.__new__(self.kind, self.text.en)
        error.__dict__.update(self.values)
        return error


Word = Event | Answering | Refused


def pack(word: Word) -> bytes:
    """One word as bytes. Only what `pack` made, by a process of our own, is to be unpacked.

    Pickle keeps arrays within the bytes, so that they arrive as ordinary ones, which may be
    written to and hold nothing of Ray's store.
    """
    return pickle.dumps(word, protocol=5)


def unpack(packed: bytes) -> Word:
    """The word of these bytes."""
    word: Word = pickle.loads(packed)  # noqa: S301 - from our own replicas
    return word
