import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from aigc_core.text import Text
from apps.ui.language import CHOOSE, TRANSLATIONS, LanguageMiddleware, both, language, t

PAGE = "<!doctype html><html><head><title>数</title></head><body><head></body></html>".encode()


def served(
    parts: list[bytes], kind: str, *, method: str = "GET", scope_type: str = "http"
) -> list[dict[str, Any]]:
    """What a browser gets of an app that answers in parts."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        length = str(sum(map(len, parts))).encode()
        headers = [(b"content-type", kind.encode()), (b"content-length", length), (b"x-own", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(LanguageMiddleware(app)({"type": scope_type, "method": method}, None, send))
    return sent


@pytest.mark.parametrize("cut", [0, 3, len(PAGE) // 2, len(PAGE) - 1])
def test_the_script_stands_right_after_head_however_the_page_is_cut(cut: int) -> None:
    start, body = served([PAGE[:cut], PAGE[cut:]], "text/html; charset=utf-8")
    assert body["body"] == PAGE.replace(b"<head>", b"<head>" + CHOOSE.encode(), 1)
    assert not body.get("more_body")
    headers = start["headers"]
    assert [value for name, value in headers if name == b"content-length"] == [
        str(len(body["body"])).encode()
    ]
    assert (b"x-own", b"1") in headers


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "image/png"])
def test_other_kinds_pass_part_by_part(kind: str) -> None:
    _, *parts = served([b"<head>", b"2"], kind)
    assert [part["body"] for part in parts] == [b"<head>", b"2", b""]


def test_only_pages_that_are_asked_for_are_read() -> None:
    assert served([PAGE], "text/html", method="POST")[1]["body"] == PAGE
    assert served([PAGE], "text/html", scope_type="websocket")[1]["body"] == PAGE


def test_an_html_page_without_a_head_stays_as_it_is() -> None:
    assert served([b"<p>no</p>"], "text/html")[1]["body"] == b"<p>no</p>"


@pytest.mark.parametrize(
    ("headers", "spoken"),
    [
        ({}, "en"),
        ({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"}, "zh"),
        ({"accept-language": "zh-TW"}, "zh"),
        ({"accept-language": "ZH"}, "zh"),
        ({"accept-language": "en-GB,zh;q=0.5"}, "en"),
        ({"accept-language": "fr"}, "en"),
        ({"accept-language": "zh-CN", "cookie": "aigc_lang=en"}, "en"),
        ({"accept-language": "en", "cookie": "a=b; aigc_lang=zh"}, "zh"),
        ({"accept-language": "zh", "cookie": "another=1"}, "zh"),
        ({"accept-language": "zh", "cookie": "aigc_lang="}, "zh"),
        ({"cookie": "aigc_lang=<script>"}, "en"),
    ],
)
def test_language(headers: dict[str, str], spoken: str) -> None:
    assert language(SimpleNamespace(headers=headers)) == spoken


@pytest.mark.parametrize("odd", ["x/y=1", "[]=1", 'a="unclosed', "=", ";;", "a b=c", "\x00=1"])
def test_cookies_of_other_apps_do_not_hide_ours(odd: str) -> None:
    for cookie in (f"aigc_lang=zh; {odd}", f"{odd}; aigc_lang=zh"):
        assert language(SimpleNamespace(headers={"cookie": cookie})) == "zh"


def test_language_of_nobody() -> None:
    assert language(None) == "en"


def test_t_keeps_both_languages_under_one_key() -> None:
    text = Text("A label of a test", "测试标签")
    key = t(text).key
    assert key.startswith("aigc_")
    assert t(text).key == key
    assert t(Text("A label of a test", "另一个")).key != key
    assert TRANSLATIONS.translations["en"][key] == text.en
    assert TRANSLATIONS.translations["zh"][key] == text.zh


def test_both_says_both_and_escapes() -> None:
    assert both(Text("a < b", "甲 & 乙")) == (
        '<span class="en" lang="en">a &lt; b</span><span class="zh" lang="zh">甲 &amp; 乙</span>'
    )
