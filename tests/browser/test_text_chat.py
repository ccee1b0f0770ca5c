"""A conversation in a browser: it is answered, copied, kept over a reload, stopped and cleared."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from aigc_core.families.causal_model import LoadedText
from apps.text.chatting import CHAT
from tests.browser.seeing import type_number
from tests.instructed import CHATTER, small_engine  # noqa: F401
from tests.reading_room import suite, url  # noqa: F401

pytest_plugins = ("tests.downloaded",)
pytestmark = pytest.mark.browser
DEMOS = (CHAT,)
Visit = Callable[..., Any]
PATIENCE = 60_000
ANSWERED = (
    "count => document.querySelectorAll('#chat-talk [data-copy]').length === count"
    " && !document.querySelector('#chat-talk .cursor')"
)


def say(page: Any, message: str) -> None:
    box = page.locator("#chat-box textarea")
    box.fill(message)
    box.press("Enter")


def test_one_conversation(visit: Visit) -> None:
    page = visit("", size=(1280, 720))
    page.set_default_timeout(PATIENCE)
    send = page.locator("#chat-send")
    send.wait_for()
    box = send.bounding_box()
    assert box["y"] + box["height"] <= 720

    say(page, "Who are you <b>there</b>?")
    page.wait_for_function(ANSWERED, arg=1)
    talk = page.locator("#chat-talk")
    assert "Who are you <b>there</b>?" in talk.inner_text()
    page.wait_for_function("() => document.querySelector('#chat-box textarea').value === ''")

    page.wait_for_function("() => localStorage.getItem('aigc_chat')?.length > 100")
    first = page.evaluate("localStorage.getItem('aigc_chat')")

    # Another speaker answers the next one, and both stay where they are when the page is reloaded.
    page.locator("#chat-speaker label", has_text="Juliet").click()
    say(page, "And you?")
    page.wait_for_function(ANSWERED, arg=2)
    names = page.locator("#chat-talk h3").all_inner_texts()
    assert [name.strip() for name in names] == ["You", "Romeo", "You", "Juliet"]
    page.wait_for_function("first => localStorage.getItem('aigc_chat') !== first", arg=first)
    said = page.locator("#chat-talk .made").all_inner_texts()
    page.reload()
    page.wait_for_function(ANSWERED, arg=2)
    assert page.locator("#chat-talk .made").all_inner_texts() == said

    # The last answer once more, and no more than that.
    page.locator("#chat-again").click()
    page.wait_for_function(
        """before => {
            const now = [...document.querySelectorAll("#chat-talk .made")].map((m) => m.innerText);
            return now.length === 4 && now[3] !== before && now[3]
                && !document.querySelector("#chat-talk .cursor");
        }""",
        arg=said[3],
    )
    assert page.locator("#chat-talk .made").all_inner_texts()[:3] == said[:3]

    page.locator("#chat-clear").click()
    page.wait_for_function("() => document.querySelector('#chat-talk .empty')")


def test_a_message_that_cannot_be_answered_stays_in_the_box(visit: Visit) -> None:
    page = visit("", size=(390, 844), locale="zh-CN")
    page.set_default_timeout(PATIENCE)
    page.locator("#chat-send").wait_for()
    # Nothing of it is known to a model of English plays.
    say(page, "你好")
    page.locator(".toast-body").wait_for()
    page.wait_for_function("() => document.querySelector('#chat-box textarea').value === '你好'")
    assert page.locator("#chat-talk .empty").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_was_written_before_a_stop_stays(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = LoadedText.step

    def slow(*values: Any) -> Any:
        time.sleep(0.05)
        return quick(*values)

    monkeypatch.setattr(LoadedText, "step", slow)
    page = visit("")
    page.set_default_timeout(PATIENCE)
    page.locator("#chat-model input").click()
    page.locator("[role=option]", has_text=CHATTER).click()
    # One that is only spoken with as it is has no parts to play.
    page.locator("#chat-speaker").wait_for(state="hidden")
    page.locator("#chat-talk .empty").wait_for()
    page.get_by_role("button", name="More").click()
    type_number(page, page.locator("input[type=number]").first, 4000)
    say(page, "Tell me of the sea.")
    page.wait_for_function(
        "() => document.querySelector('#chat-talk .assistant .made')?.innerText.length > 3"
    )
    page.locator("#chat-stop").click()
    page.locator("#chat-status", has_text="Stopped.").wait_for()
    page.wait_for_function(ANSWERED, arg=1)
    written = page.locator("#chat-talk .assistant .made").inner_text()
    assert len(written) > 3
    page.wait_for_function("() => localStorage.getItem('aigc_chat')?.length > 100")
    page.reload()
    page.wait_for_function(ANSWERED, arg=1)
    # A little more may have been on its way.
    assert page.locator("#chat-talk .assistant .made").inner_text().startswith(written)
