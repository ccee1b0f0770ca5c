"""Downloads that the owner started: they go on while nobody watches the page."""

import logging
import secrets
import threading
from contextlib import closing
from dataclasses import dataclass, field

from aigc_core.engine import Engine
from aigc_core.errors import AigcError, Cancelled
from aigc_core.text import Text
from apps.ui.runs import SORRY

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Download:
    """One of them.

    Args:
        stopped: set when the owner does not want it any more.
        ended: set when it is over, whatever the end.
    """

    stopped: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class Downloads:
    """The owner's downloads, by the model's id.

    Attributes:
        failed: why the last one of a model failed.
    """

    def __init__(self) -> None:
        self.failed: dict[str, Text] = {}
        self._lock = threading.Lock()
        self._running: dict[str, Download] = {}

    @property
    def running(self) -> frozenset[str]:
        """The models that are on their way."""
        with self._lock:
            return frozenset(self._running)

    def start(self, engine: Engine, id: str) -> None:
        """Begins to download a model; does nothing if it is on its way.

        Raises:
            UnknownModel: there is none of this name.
        """
        engine.catalog.find(id)
        with self._lock:
            if id in self._running:
                return
            download = Download()
            # In this order: where no thread is to be had, there is no download. Its end waits for
            # the lock.
            threading.Thread(
                target=self._work, args=(engine, id, download), name=f"download {id}", daemon=True
            ).start()
            self.failed.pop(id, None)
            self._running[id] = download

    def cancel(self, id: str) -> bool:
        """Ends a download; what came stays on the disk. False if there is none."""
        with self._lock:
            download = self._running.get(id)
        if download is None:
            return False
        download.stopped.set()
        download.ended.wait(5)
        return True

    def forget(self, id: str) -> None:
        """Drops the reason of a failure."""
        self.failed.pop(id, None)

    def _work(self, engine: Engine, id: str, download: Download) -> None:
        why = None
        try:
            with closing(engine.loader.fetch(id)) as steps:
                for _ in steps:
                    if download.stopped.is_set():
                        return
        except Cancelled:
            return
        except AigcError as error:
            why = error.text
        except Exception:
            note = secrets.token_hex(3)
            log.exception("download %s of %s failed", note, id)
            why = SORRY.fill(id=note)
        finally:
            with self._lock:
                del self._running[id]
                if why is not None:
                    self.failed[id] = why
            download.ended.set()


DOWNLOADS = Downloads()
