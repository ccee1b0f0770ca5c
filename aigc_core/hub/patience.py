"""How long we wait for the hub, and how often we ask again."""

from dataclasses import dataclass

from aigc_core.hub.errors import HubError


@dataclass(frozen=True)
class Patience:
    """Times in seconds.

    Args:
        preflight: for each answer of the hub before anything is downloaded; a hub that cannot be
            reached is given up after that time, its second attempt included.
        quiet: without a byte on a connection, after which a new one is tried.
        stall: without a byte of any file, after which the download is given up.
        pauses: before each new attempt, when the one before brought nothing at all.
        longest: that the hub may tell us to wait.
    """

    preflight: float = 5.0
    quiet: float = 10.0
    stall: float = 30.0
    pauses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)
    longest: float = 60.0


PATIENCE = Patience()


class Again(Exception):
    """An attempt failed in a way that another one may not.

    Args:
        error: what to raise when patience ends.
        after: seconds that the hub told us to wait; None where it told nothing.
    """

    def __init__(self, error: HubError, after: float | None = None) -> None:
        self.error, self.after = error, after
        super().__init__(str(error))
