"""The life of a load: its files fetched, its turn awaited, a place found, the model built there."""

import gc
import logging
import traceback
from collections import Counter
from collections.abc import Callable, Sequence

from aigc_core.budget import NoRoom, Residents
from aigc_core.causes import causes
from aigc_core.errors import Cancelled, DeviceLost, DoesNotFit
from aigc_core.events import Progress
from aigc_core.failures import is_lost, is_out_of_memory
from aigc_core.fetches import Fetches, told
from aigc_core.fit import Option, options
from aigc_core.freeing import give_back
from aigc_core.gate import Gate
from aigc_core.hardware import Device
from aigc_core.lease import Crowded, Entry
from aigc_core.log import note
from aigc_core.order import Order
from aigc_core.peaks import Peaks
from aigc_core.placement import Loadable, LoadedModel, Placement
from aigc_core.text import Text

logger = logging.getLogger(__name__)

# Seconds that a load lets others go before it while it waits for memory, and between two looks.
ASIDE, LOOK = 30.0, 0.1

LOADING = Text("Loading {model}", "正在加载 {model}")
ROOM = Text("{model} waits for memory that other models use", "{model} 等待其他模型释放内存")

Ways = Callable[[Sequence[Device]], list[list[Option]]]
Finish = Callable[[LoadedModel, float, Ways], None]


class Builder:
    """Builds models, one at a time, so that what a load was promised is free when it starts.

    Args:
        residents: the books of what is in memory.
        fetches: the downloads under way.
        peaks: corrects what runs are estimated to take.
        lost: called with the id of a device that failed for good.
        batching, gate, clock, patience: as in `Loader`.
    """

    def __init__(
        self,
        residents: Residents[Entry],
        fetches: Fetches,
        peaks: Peaks,
        *,
        lost: Callable[[str], None],
        batching: bool,
        gate: Gate,
        clock: Callable[[], float],
        patience: float,
    ) -> None:
        self._residents, self._fetches, self._peaks = residents, fetches, peaks
        self._lost = lost
        self._batching, self._gate, self._clock, self._patience = batching, gate, clock, patience
        self._changed = residents.changed
        self._order = Order()
        self.out_of_memory = 0

    def build(self, entry: Entry, loadable: Loadable, finish: Finish) -> None:
        """Fetches and builds a model.

        Args:
            finish: enters it into the books; called before the next load looks for a place, with
                the seconds it took and the ways to hold it.

        Raises:
            Cancelled: nobody waits for it any more.
            AigcError: it cannot be had, or there is no room for it.
        """
        self._fetch(entry, loadable)
        parts, rungs, estimate = loadable.parts(), loadable.rungs, loadable.activation_bytes()
        entry.estimate = estimate

        def ways(devices: Sequence[Device]) -> list[list[Option]]:
            groups = options(
                parts,
                lambda kind: self._peaks.activations(entry.key, kind, estimate),
                rungs,
                devices,
            )
            return [[o for o in group if o.rank > entry.after] for group in groups]

        begun, tried, tries = self._clock(), None, Counter[int]()
        entry.status, entry.progress = "waiting", None
        while True:
            try:
                with self._order.turn(lambda: self._rank(entry), lambda: self._check(entry)):
                    self._check(entry)  # Before idle models give way to it.
                    option = self._place(entry, ways, begun)
                    start = self._clock()
                    model = self._construct(entry, loadable, option)
                    if model is not None:
                        try:
                            finish(model, self._clock() - start, ways)
                        except BaseException:
                            model.close()  # The books do not know of it, so nobody else would.
                            raise
                        return
            except NoRoom as none:
                if none.needs:
                    self._step_aside(entry, none, begun)
                    continue
                raise self._nothing_left(entry, tried) from None
            tried = option
            if option.device.id in self._residents.dead:
                continue
            self._residents.relieve(option.needs)
            tries[option.rank] += 1
            if tries[option.rank] > 1:
                entry.after = max(entry.after, option.rank)

    def _fetch(self, entry: Entry, loadable: Loadable) -> None:
        if loadable.here():
            return
        entry.status = "fetching"
        while True:
            try:
                with self._fetches.join(entry.id, loadable.fetch) as watch:
                    entry.watch = watch
                    self._check(entry)
                    while not watch.wait(LOOK):
                        entry.progress = told(entry.id, watch.transfer)
                        self._check(entry)  # Somebody else may keep the download going.
                    return
            except Cancelled:
                # Given up by all who waited; somebody else may have come since.
                self._check(entry)
            finally:
                entry.watch = None

    def _rank(self, entry: Entry) -> tuple[int, int]:
        now = self._clock()
        return min((lease.rank(now) for lease in list(entry.queue)), default=(1, 0))

    def _place(self, entry: Entry, ways: Ways, begun: float) -> Option:
        """The way to hold the model; after a while of stepping aside, others wait for it too."""
        while True:
            try:
                option = self._residents.place(ways)
                break
            except NoRoom as none:
                patient = ASIDE < self._clock() - begun < self._patience
                if not (none.later and patient and self._progressing()):
                    raise
                self._await_change(entry)
        with self._changed:
            entry.option = option
            entry.status = "loading"
            entry.progress = Progress(0, 0, LOADING.fill(model=entry.id))
        return option

    def _step_aside(self, entry: Entry, none: NoRoom, begun: float) -> None:
        """Lets other loads go first until models in use have ended.

        Those who hold other models while they wait here are sent back where that is what
        everybody waits for.

        Raises:
            DoesNotFit: they would not make enough room, or none of them ends.
        """
        if not none.later or self._clock() - begun >= self._patience:
            raise none.refusal(entry.id)
        if not self._progressing():
            with self._changed:
                for lease in [lease for lease in entry.queue if lease.holding]:
                    entry.queue.remove(lease)
                    lease._error = Crowded(entry.id, none.needs, none.free)
                self._changed.notify_all()
        entry.status, entry.progress = "waiting", Progress(0, 0, ROOM.fill(model=entry.id))
        self._await_change(entry)

    def _nothing_left(self, entry: Entry, tried: Option | None) -> DoesNotFit | DeviceLost:
        """Why a model cannot be held, after every way to hold it was tried."""
        if tried is None or tried.device.id in self._residents.dead:
            return DeviceLost(tried.device.name if tried else ", ".join(self._residents.dead))
        free = self._residents.free()
        return DoesNotFit(entry.id, max(sum(tried.needs.values()), free), free)

    def _progressing(self) -> bool:
        """Whether some model in use will be given back without anybody's help."""
        with self._changed:
            others = [*self._residents.entries.values(), *self._residents.leaving]
            return any(lease.progressing for other in others for lease in other.holders)

    def _await_change(self, entry: Entry) -> None:
        with self._changed:
            self._changed.wait(LOOK)
        self._check(entry)

    def _construct(self, entry: Entry, loadable: Loadable, option: Option) -> LoadedModel | None:
        """The loaded model, or None where memory ran out or the device failed."""
        device = option.device
        placement = Placement(device.id, option.dtype, self._gate, self._batching, option.rung)
        self._peaks.disturb()
        try:
            with self._gate.building() as pause:

                def step() -> None:
                    pause()
                    self._check(entry)

                self._check(entry)
                return loadable.load(placement, step)
        except BaseException as error:
            # What is half loaded must be gone before the next load looks for a place.
            let_go(error)
            if is_lost(error):
                self._lost(device.id)
            elif is_out_of_memory(error):
                self.out_of_memory += 1
            else:
                gc.collect(1)  # What it made is young, and a whole collection takes its time.
                give_back()
                raise
            note(logger, "no-memory", logging.WARNING, model=entry.id, device=device.id,
                 rung=option.rung)  # fmt: skip
            return None

    def _check(self, entry: Entry) -> None:
        """Ends a load that nobody waits for any more.

        Raises:
            Cancelled: that is so. Whoever asks from now on starts another.
        """
        with self._changed:
            if entry.queue:
                return
            entry.status = "failed"
            if self._residents.entries.get(entry.id) is entry:
                del self._residents.entries[entry.id]
        raise Cancelled


def let_go(error: BaseException) -> None:
    """Empties the frames that an error, and those it came from, hold on to: tensors live there."""
    for cause in causes(error):
        traceback.clear_frames(cause.__traceback__)
