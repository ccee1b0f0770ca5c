"""Whose turn it is: runs are started round the visitors, not in the order of their clicks.

Gradio's queue is one line: somebody who posts two hundred jobs shuts everybody else out. So its
queue lets every job in, and each waits here, asleep, until its visitor's turn comes. The round
goes over the addresses, and within an address over its sessions, since a whole class may share
one address and one address may pretend to be many sessions.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass

from aigc_core.errors import TooBusy


@dataclass(frozen=True)
class Visitor:
    """Who asks: a network address, and one page opened from it."""

    address: str
    session: str


class Place:
    """One job's place in the waiting line."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.called = asyncio.Event()


class Turns:
    """Hands out the right to run.

    Args:
        running: jobs at the same time.
        per_session: jobs of one page that may wait.
        per_address: jobs of one address that may wait.
    """

    def __init__(self, running: int = 16, per_session: int = 8, per_address: int = 64) -> None:
        self.running = self.free = running
        self.per_session, self.per_address = per_session, per_address
        self.lines: OrderedDict[str, OrderedDict[str, deque[Place]]] = OrderedDict()

    @property
    def jobs(self) -> int:
        """How many run or wait."""
        return self.running - self.free + self.waiting

    @property
    def waiting(self) -> int:
        """How many wait; may be asked from any thread."""
        return sum(
            len(line) for lines in list(self.lines.values()) for line in list(lines.values())
        )

    def enter(self, visitor: Visitor) -> Place:
        """A place in the line; `called` is set when the job may run."""
        place = Place(visitor)
        if self.free > 0 and not self.lines:
            self.free -= 1
            place.called.set()
            return place
        sessions = self.lines.get(visitor.address, OrderedDict())
        line = sessions.get(visitor.session, deque())
        if len(line) >= self.per_session:
            raise TooBusy(self.per_session)
        if sum(map(len, sessions.values())) >= self.per_address:
            raise TooBusy(self.per_address, together=True)
        line.append(place)
        sessions[visitor.session] = line
        self.lines[visitor.address] = sessions
        return place

    def leave(self, place: Place) -> None:
        """Gives the turn back, or the place in the line up."""
        if place.called.is_set():
            self.free += 1
            self._call()
            return
        sessions = self.lines[place.visitor.address]
        sessions[place.visitor.session].remove(place)
        self._drop_empty(place.visitor)

    def position(self, place: Place) -> int:
        """How many of those who wait are called before this one, if nobody else comes."""
        if place.called.is_set():
            return 0
        visitor = place.visitor
        sessions = self.lines[visitor.address]
        ahead = sessions[visitor.session].index(place)
        lengths = {session: len(line) for session, line in sessions.items()}
        ahead += rounds(lengths, visitor.session, ahead)
        totals = {address: sum(map(len, lines.values())) for address, lines in self.lines.items()}
        return ahead + rounds(totals, visitor.address, ahead)

    def _call(self) -> None:
        while self.free > 0 and self.lines:
            address, sessions = next(iter(self.lines.items()))
            session, line = next(iter(sessions.items()))
            place = line.popleft()
            sessions.move_to_end(session)
            self.lines.move_to_end(address)
            self._drop_empty(Visitor(address, session))
            self.free -= 1
            place.called.set()

    def _drop_empty(self, visitor: Visitor) -> None:
        sessions = self.lines[visitor.address]
        if not sessions[visitor.session]:
            del sessions[visitor.session]
        if not sessions:
            del self.lines[visitor.address]


def rounds(lengths: dict[str, int], own: str, ahead: int) -> int:
    """How many jobs of other lines are called before the one with `ahead` before it in its own.

    Args:
        lengths: of all lines, in the order of the round.
    """
    names = list(lengths)
    mine = names.index(own)
    return sum(
        min(lengths[name], ahead + (place < mine))
        for place, name in enumerate(names)
        if place != mine
    )
