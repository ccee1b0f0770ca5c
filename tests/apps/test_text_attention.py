"""Attention over HTTP: what a pane is given, and what is said to bad values."""

import base64
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.media import Numbers
from aigc_core.tasks import AttendText, RankHeads, Request
from apps.text.attention import ATTENTION, packed
from tests.apps.visiting import Client
from tests.reading_room import AWAY, OURS, SECOND, small_engine, suite, url  # noqa: F401

DEMOS = (ATTENTION,)
TEXT = "to be, or not to be <b>"
Visitor = Callable[..., Client]

pytestmark = pytest.mark.usefixtures("quiet")


def attended(visitor: Visitor, **changes: Any) -> dict[str, Any]:
    kind, (pane, status) = visitor().ask("text_attend", **{"text": TEXT, "model": OURS, **changes})
    assert (kind, status) == ("complete", "")
    return dict(pane)


def answer(engine: Engine, request: Request) -> tuple[np.ndarray, dict[str, Any]]:
    (artifact,) = engine.result(request, model=OURS).artifacts
    assert isinstance(artifact.media, Numbers)
    return artifact.media.array, artifact.record.details


def unpacked(pane: dict[str, Any]) -> np.ndarray:
    """The weights (layers, heads, t, t) that a pane was sent, as its script reads them."""
    count = len(pane["tokens"])
    sent = np.frombuffer(zlib.decompress(base64.b64decode(pane["maps"])), "<u2")
    whole = np.zeros((pane["layers"], pane["heads"], count, count))
    each = count * (count + 1) // 2
    for layer in range(pane["layers"]):
        for head in range(pane["heads"]):
            start = (layer * pane["heads"] + head) * each
            for row in range(count):
                first = start + row * (row + 1) // 2
                whole[layer, head, row, : row + 1] = sent[first : first + row + 1] / 10_000
    return whole


def test_a_pane_holds_what_the_engine_answers(visitor: Visitor, small_engine: Engine) -> None:  # noqa: F811
    pane = attended(visitor)
    weights, details = answer(small_engine, AttendText.ask(text=TEXT))
    assert unpacked(pane) == pytest.approx(weights, abs=5.1e-5)
    assert (pane["tokens"], pane["next"]) == (details["tokens"], details["next"])
    assert (pane["given"], pane["off"], pane["moved"]) == (TEXT, [], 0)
    assert "ranks" not in pane


def test_a_head_that_is_off(visitor: Visitor, small_engine: Engine) -> None:  # noqa: F811
    pane = attended(visitor, off="1.2 0.1 1.2")
    _, details = answer(small_engine, AttendText.ask(text=TEXT, off="0.1 1.2"))
    assert pane["off"] == ["0.1", "1.2"]
    assert pane["moved"] == details["moved"] > 0
    assert pane["next"] == details["next"]


def test_which_heads_matter(visitor: Visitor, small_engine: Engine) -> None:  # noqa: F811
    pane = attended(visitor, rank=True)
    moved, _ = answer(small_engine, RankHeads.ask(text=TEXT))
    assert pane["ranks"] == pytest.approx(moved.ravel(), abs=1e-6)
    # The figure of a head is what switching it off alone moves.
    heads = pane["heads"]
    most = int(np.argmax(pane["ranks"]))
    alone = attended(visitor, off=f"{most // heads}.{most % heads}")
    assert alone["moved"] == pytest.approx(pane["ranks"][most], abs=2e-6)


def test_layers_without_attention_are_told_from_weights_of_nothing() -> None:
    weights = np.zeros((2, 1, 2, 2), np.float32)
    weights[0, 0] = [[1, 0], [0.25, 0.75]]
    weights[1] = np.nan
    sent = np.frombuffer(zlib.decompress(base64.b64decode(packed(weights))), "<u2")
    assert sent.tolist() == [10_000, 2_500, 7_500, 65_535, 65_535, 65_535]


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", "x"), ("text", "x" * 401), ("text", 7), ("off", "0.1 <i>"), ("off", "x" * 2001)],
)
def test_bad_values_are_answered_in_a_sentence(visitor: Visitor, field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        _ = AttendText.ask(**{field: value}).heads_off
    for spoken, said in (("en", caught.value.text.en), ("zh-CN", caught.value.text.zh)):
        asked = {"text": TEXT, "model": OURS, field: value}
        assert visitor(spoken).refusal("text_attend", **asked) == said


def test_what_cannot_be_looked_at(visitor: Visitor) -> None:
    assert "7.0" in visitor().refusal("text_attend", text=TEXT, model=OURS, off="7.0")
    assert visitor().refusal("text_attend", text=TEXT, model=AWAY).startswith(AWAY)
    # A recurrent network has no heads.
    assert SECOND in visitor().refusal("text_attend", text=TEXT, model=SECOND)
