"""Behind a proxy each visitor has the address that the proxy tells, and so a turn of their own."""

from collections.abc import Callable
from typing import Any

import pytest

from apps.ui import runs
from apps.ui.turns import Place, Turns, Visitor
from tests.apps.visiting import Client

VALUES = {"label": "3", "count": 1, "seed": 0, "truncation": 1.0, "model": "dcgan-mnist"}


class Heard(Turns):
    """Waiting lines that remember who came."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def enter(self, visitor: Visitor) -> Place:
        self.addresses.append(visitor.address)
        return super().enter(visitor)


def test_the_proxy_tells_the_address(
    visitor: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Heard()
    monkeypatch.setattr(runs, "TURNS", turns)
    guest: Any = visitor()
    guest.ask("image_sample", **VALUES)
    guest.http.headers["x-forwarded-for"] = "203.0.113.9"
    guest.ask("image_sample", **VALUES)
    assert turns.addresses == ["127.0.0.1", "203.0.113.9"]
