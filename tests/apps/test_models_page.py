"""The models page over HTTP: what it shows to whom, and what it does for its owner alone."""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aigc_core.footprint import Part, footprint
from aigc_core.hub.snapshot import local
from aigc_core.stock import COMING, IN_USE
from apps.models import words
from apps.models.view import changed
from apps.ui.owner import NotTheOwner, has_owner
from tests.apps.visiting import Client
from tests.shop import GATED, REMOTE, TINY, Shop, hub, shop, stand_in
from tests.waiting import until

__all__ = ["hub", "shop", "stand_in"]

HAN = re.compile(r"[\u4e00-\u9fff]")
MODEL = "dcgan-mnist"


class Page:
    """The page as its script sees it."""

    def __init__(self, suite: Any, url: str, **headers: str) -> None:
        (self.component,) = [
            id for id, block in suite.blocks.items() if getattr(block, "elem_id", "") == "models"
        ]
        self.url = f"{url}gradio_api/component_server/"
        self.http = httpx.Client(timeout=60, headers=headers)
        self.seen: dict[str, str] = {}
        self.parts: dict[str, str] = {}

    def call(self, function: str, data: Any) -> Any:
        body = {
            "data": data,
            "fn_name": function,
            "component_id": self.component,
            "session_hash": "page",
        }
        answer = self.http.post(self.url, json=body)
        answer.raise_for_status()
        return answer.json()

    def look(self) -> set[str]:
        """Asks what changed, and gives the names of those parts."""
        news = self.call("look", self.seen)
        for name, (digest, part) in news.items():
            self.seen[name], self.parts[name] = digest, part
        return set(news)

    def row(self, id: str = TINY) -> str:
        self.look()
        return self.parts[f"row:{id}"]

    def place(self, id: str = TINY) -> str:
        """The group in which a model stands."""
        self.look()
        groups = re.findall(r"group:(\w+)", self.parts["page"])
        return next(g for g in groups if f'"row:{id}"' in self.parts[f"group:{g}"])

    def act(self, do: str, id: str = TINY, **more: Any) -> str:
        return str(self.call("act", {"do": do, "id": id, **more}))


@pytest.fixture
def page(suite: Any, url: str, shop: Shop) -> Iterator[Page]:
    """The owner's page."""
    page = Page(suite, url, origin=url.rstrip("/"))
    page.look()
    yield page
    page.http.close()


@pytest.fixture(params=["x-forwarded-for", "forwarded", "origin", "host", "nobody"])
def stranger(
    request: Any, suite: Any, url: str, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Page]:
    """Somebody else's page: through a proxy, of another site, by another name, or as said."""
    headers = {"origin": url.rstrip("/")}
    match request.param:
        case "nobody":
            monkeypatch.setenv("AIGC_OWNER", "nobody")
        case "host":
            headers |= {"host": "evil.example", "origin": "http://evil.example"}
        case "origin":
            headers |= {"origin": "http://evil.example"}
        case name:
            headers |= {name: "127.0.0.1"}
    page = Page(suite, url, **headers)
    page.look()
    yield page
    page.http.close()


def said(markup: str, text: Any) -> bool:
    """Whether markup holds a text in both languages."""
    return text.en in markup and text.zh in markup


def fetched(page: Page, id: str = TINY) -> None:
    assert page.act("fetch", id) == ""
    until(lambda: page.place(id) == "disk")


def test_every_model_stands_in_its_place_and_says_what_it_is(page: Page, shop: Shop) -> None:
    for id, place in ((TINY, "hub"), (GATED, "gated"), (REMOTE, "remote"), (MODEL, "shipped")):
        assert page.place(id) == place
    for entry in shop.engine.catalog.entries.values():
        row = page.parts[f"row:{entry.id}"]
        assert said(row, entry.name)
        assert said(row, entry.summary)
        assert entry.licences.weights in row
    row = page.parts[f"row:{TINY}"]
    weights = footprint((Part("", 200_000),), "float16").device
    assert f"about {weights // 1000} kB" in row
    assert "fits" in row
    assert "https://huggingface.co/tests/tiny/tree/" in row


def test_the_gated_one_has_its_link_before_anything_is_asked(page: Page, shop: Shop) -> None:
    assert 'href="https://huggingface.co/tests/gated"' in page.row(GATED)
    assert said(page.parts["group:gated"], words.GROUPS["gated"][1])
    assert shop.hub.requests == []


def test_only_what_changed_is_sent() -> None:
    made = {"a": "one", "b": "two"}
    seen = {name: digest for name, (digest, _) in changed(made, {}).items()}
    assert changed(made, seen) == {}
    assert set(changed(made | {"b": "three"}, seen)) == {"b"}


@pytest.mark.parametrize("seen", [None, [], "abc", 7, {"page": 7}, {"row:tiny": [1]}])
def test_an_odd_account_of_what_was_seen_gets_everything(page: Page, seen: Any) -> None:
    assert set(page.call("look", seen)) == set(page.parts)


def test_a_download_is_told_and_ends_on_the_disk(page: Page, shop: Shop) -> None:
    shop.slow(60_000)
    assert page.act("fetch") == ""
    assert page.act("fetch") == ""  # Again does nothing.
    shares = set()

    def going() -> bool:
        page.look()
        shares.update(re.findall(r'aria-valuenow="(\d+)"', page.parts[f"far:{TINY}"]))
        return page.place() == "disk"

    until(lambda: page.look() and 'data-do="cancel"' in page.parts[f"row:{TINY}"])
    assert said(page.parts["downloads"], shop.engine.catalog.find(TINY).name)
    until(going)
    assert len(shares) > 2
    assert local(shop.engine.catalog.find(TINY).source) is not None
    assert page.parts["downloads"] == page.parts[f"far:{TINY}"] == ""
    assert "data-ask" in page.row()

    assert page.act("remove") == ""
    assert page.place() == "hub"
    assert local(shop.engine.catalog.find(TINY).source) is None


def test_a_download_is_cancelled_and_goes_on_later(page: Page, shop: Shop) -> None:
    shop.slow()
    page.act("fetch")
    until(lambda: page.look() and " kB" in page.parts[f"far:{TINY}"])
    assert said(page.act("remove"), COMING)
    assert page.act("cancel") == ""
    page.look()
    assert page.parts[f"far:{TINY}"] == ""
    assert page.place() == "hub"
    assert shop.downloads.failed == {}
    assert said(page.act("cancel"), words.NO_DOWNLOAD)
    shop.hub.mend()
    fetched(page)


def test_a_failure_says_why_until_it_is_tried_again(page: Page, shop: Shop) -> None:
    page.act("fetch", GATED)
    until(lambda: GATED in shop.downloads.failed)
    row = page.row(GATED)
    assert said(row, words.AGAIN)
    assert "HF_TOKEN" in row
    assert row.count('href="https://huggingface.co/tests/gated"') == 2  # One in each language.
    assert "href" not in re.sub(r"<a [^>]*>", "", row)


def test_a_loaded_model_is_shown_and_unloaded(page: Page, shop: Shop) -> None:
    assert said(page.act("unload", MODEL), words.NOT_LOADED)
    with shop.engine.loader.lease(MODEL):
        until(lambda: page.look() and "float32" in page.parts["resident"])
        assert said(page.parts["resident"], words.IN_USE.fill(count=1))
        assert 'data-do="unload"' not in page.parts["resident"]
        assert said(page.act("unload", MODEL), IN_USE)
    until(lambda: page.look() and 'data-do="unload"' in page.parts["resident"])
    assert page.act("unload", MODEL) == ""
    page.look()
    assert said(page.parts["resident"], words.NOTHING_LOADED)
    assert re.search(r"evictions.*?<b>.*?1<", page.parts["counts"])


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "order",
    [
        None,
        7,
        [],
        "fetch",
        {"do": "explode", "id": TINY},
        {"do": "fetch"},
        {"do": "fetch", "id": [TINY]},
        {"do": ["fetch"], "id": TINY},
        {"do": "fetch", "id": "nobody"},
        {"do": "fetch", "id": "<b>"},
        {"do": "remove", "id": MODEL},
        {"do": "remove", "id": TINY, "revision": 7},
        {"do": "remove", "id": TINY, "revision": "../../.."},
    ],
)
def test_odd_orders_are_answered_in_a_sentence(page: Page, order: Any) -> None:
    answer = page.call("act", order)
    assert HAN.search(answer)
    assert 'lang="en"' in answer
    assert "<b>" not in answer


def test_others_see_the_page_without_buttons_and_may_do_nothing(stranger: Page, shop: Shop) -> None:
    assert said(stranger.parts["page"], words.GUEST if has_owner() else words.NO_OWNER)
    assert f"row:{TINY}" in stranger.parts
    assert not [name for name, part in stranger.parts.items() if "<button" in part]
    for do in ("fetch", "cancel", "remove", "unload"):
        assert said(stranger.act(do), NotTheOwner().text)
    assert shop.downloads.running == frozenset()
    assert shop.hub.requests == []


class TestAdding:
    """The form below the list."""

    @pytest.fixture
    def owner(self, visitor: Callable[..., Client], url: str, shop: Shop) -> Client:
        client = visitor()
        client.http.headers["origin"] = url.rstrip("/")
        return client

    def refusal(self, client: Client, reference: Any) -> str:
        """What is said instead of what a repository is."""
        outcome = client.outcome("looked_up", [reference])
        return str(outcome["error"])

    def test_any_repository_is_looked_up_and_added(
        self, owner: Client, shop: Shop, page: Page, stand_in: Callable[[str], Path], tmp_path: Path
    ) -> None:
        commit = shop.hub.add("Somebody/New.Model", stand_in("qwen3"))
        view, button, _ = owner.outcome("looked_up", ["Somebody/New.Model"])["data"]
        assert "Qwen3ForCausalLM" in view
        assert "fits" in view
        assert button["visible"] is True
        assert "new.model" not in shop.engine.catalog.entries
        owner.outcome("added", [None])
        entry = shop.engine.catalog.find("new.model")
        assert (entry.repo, entry.revision) == ("Somebody/New.Model", commit)
        assert page.place("new.model") == "hub"
        kept = tomllib.loads((tmp_path / "own" / "catalog.toml").read_text("utf-8"))
        assert kept["models"]["new.model"]["revision"] == commit
        fetched(page, "new.model")

    @pytest.mark.parametrize("reference", ["", "abc", "a/b/c/d", 7, None, "../..", "a/<b>"])
    def test_what_is_no_repository_is_refused(self, owner: Client, reference: Any) -> None:
        assert "org/name" in self.refusal(owner, reference)

    def test_what_the_host_does_not_allow_is_refused(
        self, owner: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AIGC_ALLOW", "good/*,other/name")
        assert "AIGC_ALLOW" in self.refusal(owner, "bad/name")
        assert shop.hub.requests == []

    def test_others_may_neither_look_up_nor_add(
        self, visitor: Callable[..., Client], shop: Shop
    ) -> None:
        guest = visitor("zh-CN")
        assert self.refusal(guest, "tests/tiny") == NotTheOwner().text.zh
        assert guest.outcome("added", [None])["error"] == NotTheOwner().text.zh
        assert shop.hub.requests == []

    def test_nothing_is_added_that_was_not_looked_up(self, owner: Client) -> None:
        forged = {"id": "evil", "family": "os", "repo": "evil/evil"}
        for value in (None, forged):
            assert owner.outcome("added", [value])["error"] == words.LOOK_FIRST.en

    def test_what_is_there_already_is_said(self, owner: Client) -> None:
        assert TINY in self.refusal(owner, "https://huggingface.co/tests/tiny/")
