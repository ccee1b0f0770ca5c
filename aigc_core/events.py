"""What comes back from a run: a typed stream, in which a Result is the last word."""

from dataclasses import dataclass, field
from typing import Any

from aigc_core.artifact import Artifact
from aigc_core.media import Media
from aigc_core.text import Text


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Args:
        step: what is done.
        total: of how much; 0 where nobody can know.
        note: what it is doing.
        bytes: whether step and total count bytes.
    """

    step: int
    total: int
    note: Text
    bytes: bool = False


@dataclass(frozen=True)
class Preview:
    """Unfinished media, to be replaced by the next one; no record belongs to it."""

    media: Media
    step: int


@dataclass(frozen=True)
class Result:
    """The finished artifacts, each with its record."""

    artifacts: tuple[Artifact, ...]


@dataclass(frozen=True)
class Output:
    """One finished medium as a family hands it to the engine, which adds the record.

    Args:
        media: what was made.
        seed: the seed that makes this one alone.
        details: what the request does not say, such as the class that was drawn.
        tolerance: how far a rerun's values may differ, in the medium's own levels; 0 promises
            identical ones on the same device class and versions.
        caption: what it shows, where the request does not say.
    """

    media: Media
    seed: int
    details: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0.0
    caption: Text | None = None


@dataclass(frozen=True)
class Finished:
    """A family's last event; the engine turns it into a `Result`."""

    outputs: tuple[Output, ...]


Event = Progress | Preview | Result
FamilyEvent = Progress | Preview | Finished
