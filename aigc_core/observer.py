"""What a loader can be asked about: its devices, its models, and whether one more would fit."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from aigc_core import hardware
from aigc_core.budget import Residents
from aigc_core.fetches import Fetches
from aigc_core.fit import Fit, as_devices, fit, held
from aigc_core.hardware import Device, Kind
from aigc_core.lease import Entry
from aigc_core.peaks import Peaks
from aigc_core.placement import Loadable
from aigc_core.status import Counts, DeviceState, ModelState, Status


class Observer:
    """Looks at the books without changing them; never starts torch.

    Args:
        residents: the books of what is in memory.
        fetches: the downloads under way.
        peaks: corrects what runs are estimated to take.
        devices: measures the devices, freshly at each call.
    """

    def __init__(
        self,
        residents: Residents[Entry],
        fetches: Fetches,
        peaks: Peaks,
        devices: Callable[[], Sequence[Device]],
    ) -> None:
        self._residents, self._fetches, self._peaks = residents, fetches, peaks
        self._devices = devices

    def status(self, counts: Counts) -> Status:
        """Devices, models and downloads, beside what has happened so far."""
        devices = self._seen()
        with self._residents.changed:
            weights = self._residents.weights()
            dead = set(self._residents.dead)
        return Status(
            tuple(
                DeviceState(
                    d.id, d.kind, d.name, d.total, d.free, weights[d.pool], d.pool, d.id in dead
                )
                for d in devices
            ),
            self.state(),
            self._fetches.state(),
            counts,
        )

    def state(self) -> tuple[ModelState, ...]:
        """Every model that is loaded, loading, or failed at its last load."""
        with self._residents.changed:
            return tuple(
                self._state_of(entry)
                for entry in (*self._residents.entries.values(), *self._residents.leaving)
            )

    def fit(self, loadable: Loadable) -> Fit:
        """Whether a model fits this machine, idle models counted as free."""
        idle = self.idle_bytes()
        devices = [
            replace(d, free=min(d.total, d.free + idle.get(d.pool, 0)))
            for d in self._residents.measure(self._seen())
        ]
        with self._residents.changed:
            entry = self._residents.entries.get(loadable.id)
            here = entry is not None and entry.key == loadable.key and entry.model is not None
        if here and entry and entry.option:
            return held(entry.option, devices)
        return fit(loadable.parts(), self._activations(loadable), loadable.rungs, devices)

    def idle_bytes(self) -> dict[str, int]:
        """Bytes that idle models would free, by memory."""
        with self._residents.changed:
            pools = {pool for e in self._residents.entries.values() for pool in e.pools}
        return {pool: self._residents.idle_bytes(pool) for pool in pools}

    def _seen(self) -> Sequence[Device]:
        """The devices, by a probe until torch is here."""
        if self._devices is hardware.devices and not hardware.torch_is_here():
            return as_devices(hardware.probe())
        return self._devices()

    def _activations(self, loadable: Loadable) -> Callable[[Kind], int]:
        estimate = loadable.activation_bytes()
        return lambda kind: self._peaks.activations(loadable.key, kind, estimate)

    def _state_of(self, entry: Entry) -> ModelState:
        option = entry.option
        return ModelState(
            id=entry.id,
            status=entry.status,
            reason=entry.reason,
            device=option.device.id if option else None,
            dtype=option.dtype if option else None,
            rung=option.rung if option else "full",
            bytes=option.weights.device if option else 0,
            host_bytes=option.weights.host if option else 0,
            refs=entry.refs,
            waiting=len(entry.queue),
            uses=entry.uses,
            last_use=entry.last_use,
            load_seconds=entry.load_seconds,
            pinned=entry.id in self._residents.pinned,
            progress=None if entry.status == "ready" else entry.progress,
        )
