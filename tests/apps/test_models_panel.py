"""How the models page says what it knows; nothing of it is a stranger's markup."""

import re

import pytest

from aigc_core.fit import Fit
from aigc_core.hub.holdings import Holding
from aigc_core.hub.transfer import Transfer
from aigc_core.status import Counts, DeviceState, ModelState, Status
from aigc_core.stock import Inventory, Stock
from aigc_core.text import Text
from apps.models import panel
from apps.models.board import Board, Row
from apps.models.rows import linked, row
from apps.models.view import parts
from tests.shop import entry

GB = 1_000_000_000
EVIL = "\"><img src=x onerror=alert(1)>'&"


@pytest.mark.parametrize(
    ("transfer", "said"),
    [
        (Transfer(0, 0), "asking the hub"),
        (Transfer(412_000_000, 2_600_000_000), "412 MB of 2.6 GB"),
        (Transfer(0, GB, 0.2), "0 B of 1.0 GB, 1 s left"),
        (Transfer(0, GB, 119.0), "0 B of 1.0 GB, 119 s left"),
        (Transfer(0, GB, 200.0), "0 B of 1.0 GB, 3 min left"),
        (Transfer(0, GB, 10_800.0), "0 B of 1.0 GB, 3 h left"),
        (Transfer(GB, GB, None, verifying=True), "1.0 GB of 1.0 GB, checking the checksums"),
        (Transfer(5, GB, None, waiting=12.4), "the hub is busy; asked again in 12 s"),
    ],
)
def test_how_far_a_download_is(transfer: Transfer, said: str) -> None:
    assert panel.far(transfer).en == said


def test_bars_stay_within_their_bounds() -> None:
    for total, free, ours in ((0, 0, 0), (GB, 2 * GB, 0), (GB, 0, 3 * GB), (8 * GB, GB, 4 * GB)):
        drawn = panel.device(DeviceState("cuda:0", "cuda", "GPU", total, free, ours, "cuda:0"))
        widths = [int(width) for width in re.findall(r"width:(-?\d+)%", drawn)]
        assert all(0 <= width <= 100 for width in widths)
        assert total != 8 * GB or widths == [50, 38]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (ModelState("a", "ready"), "idle"),
        (ModelState("a", "ready", refs=2, waiting=3), "in use by 2, 3 waiting"),
        (ModelState("a", "ready", pinned=True), "idle, stays"),
        (ModelState("a", "loading", waiting=1), "loading, 1 waiting"),
        (ModelState("a", "waiting"), "waits for its turn to load"),
    ],
)
def test_what_a_model_is_doing(state: ModelState, said: str) -> None:
    assert f'lang="en">{said}</span>' in panel.standing(state)


def test_a_dead_device_says_so() -> None:
    drawn = panel.device(DeviceState("cuda:0", "cuda", "GPU", GB, 0, 0, "cuda:0", dead=True))
    assert "start the suite again" in drawn


def test_addresses_in_a_sentence_are_links_and_nothing_else_is_markup() -> None:
    said = linked(
        Text(
            "Open https://huggingface.co/a/b, accept <b>. Not http://evil/ or javascript:x.",
            "请打开 https://huggingface.co/a/b 接受条款。",
        )
    )
    assert re.findall(r'href="([^"]*)"', said) == ["https://huggingface.co/a/b"] * 2
    assert "<b>" not in said


def test_no_part_holds_a_strangers_markup() -> None:
    """Titles, ids, licences, servers and reasons may come from anywhere."""
    hub = entry(
        EVIL,
        EVIL,
        origin="hub",
        repo="a/b",
        revision="0" * 40,
        licences={"weights": EVIL, "data": EVIL},
    )
    far = entry(f"far{EVIL}", EVIL, origin="remote", server=EVIL, served=EVIL)
    evil = Text(EVIL, EVIL)
    status = Status(
        (DeviceState("cpu", "cpu", EVIL, GB, 0, 0, "host"),),
        (ModelState(EVIL, "ready", device="cpu", dtype="float32"), ModelState("gone", "ready")),
        (),
        Counts(),
    )
    rows = tuple(
        Row(stock, Fit("no", evil), evil, failed, transfer, True, None)
        for stock, failed, transfer in (
            (Stock(hub, "gated", 1, partial=1), evil, None),
            (Stock(hub, "hub", 1), None, Transfer(1, 2)),
            (Stock(far, "remote"), None, None),
        )
    )
    stray = Holding("a/b", EVIL, 1, 0.0, True, 0)
    board = Board(status, rows, Inventory((), (stray,), 7), GB, 0)
    for owner in (True, False):
        made = parts(board, owner=owner)
        assert len(made) > 8
        for part in made.values():
            assert "<img" not in part
            assert '"">' not in part.replace('alt=""', "")
            assert ("data-do" in part) <= owner


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("http://user:secret@gpu-box:8000/v1?key=secret", "gpu-box:8000"),
        ("user:secret@gpu-box/v1?key=secret", "gpu-box"),
        ("https://[::1]:9/secret#secret", "[::1]:9"),
        ("$OUR_SERVER", "$OUR_SERVER"),
        ("fal-ai", "fal-ai"),
        ("http://[secret", ""),
    ],
)
def test_visitors_see_no_more_of_a_server_than_its_host(server: str, said: str) -> None:
    far = entry("far", "Far", origin="remote", server=server, served="far")
    drawn = row(Row(Stock(far, "remote"), None, None, None, None, False, None), owner=False)
    assert "secret" not in drawn
    assert f'lang="en">{said}</span>' in drawn or f"<span>{said}</span>" in drawn
