"""English and Chinese in the page.

Labels of components are keys that Gradio translates in the browser (`t`); free text stands in
both languages side by side and the style sheet shows one (`both`); messages from the server are
said in the visitor's language (`language`).

Which language that is, the browser says, until the visitor chooses with the switch in the page or
`?lang=`. The choice must be known before Gradio's own script starts, so a middleware puts a small
script at the very top of each page; `launch(head=...)` comes too late.
"""

import hashlib
from html import escape
from typing import Any

import gradio as gr
from gradio.i18n import I18nData

from aigc_core.text import LANGUAGES, Language, Text

COOKIE = "aigc_lang"

TRANSLATIONS = gr.I18n(en={}, zh={})

CHOOSE = """<script>(() => {
  const asked = new URLSearchParams(location.search).get("lang");
  let kept = null;
  try {
    if (asked) localStorage.setItem("aigc_lang", asked);
    kept = localStorage.getItem("aigc_lang");
  } catch {}
  const chosen = (asked || kept || navigator.language || "en").toLowerCase();
  const tag = chosen.startsWith("zh") ? "zh-CN" : "en";
  Object.defineProperty(navigator, "language", {get: () => tag});
  Object.defineProperty(navigator, "languages", {get: () => [tag]});
  document.documentElement.lang = tag;
  // In a frame of another site only such a cookie is sent.
  const framed = location.protocol === "https:" ? "None;Secure" : "Lax";
  document.cookie = `aigc_lang=${tag.slice(0, 2)};path=/;SameSite=${framed}`;
})()</script>"""


def t(text: Text) -> I18nData:
    """A label that the browser shows in its language."""
    key = "aigc_" + hashlib.sha256("\0".join(text).encode()).hexdigest()[:12]
    for language in LANGUAGES:
        TRANSLATIONS.translations[language][key] = text.say(language)
    return TRANSLATIONS(key)


def both(text: Text) -> str:
    """Markup with both languages, of which the style sheet shows one."""
    en, zh = map(escape, text)
    return f'<span class="en" lang="en">{en}</span><span class="zh" lang="zh">{zh}</span>'


def language(request: gr.Request | None) -> Language:
    """The visitor's language: what was chosen in the page, else what the browser asks for."""
    headers = dict(request.headers) if request and request.headers else {}
    # Not http.cookies: one cookie of another app with an odd name makes it give up on all.
    pairs = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    cookies = {name: value for name, _, value in pairs}
    chosen = cookies.get(COOKIE) or headers.get("accept-language", "")
    return "zh" if chosen.lower().startswith("zh") else "en"


class LanguageMiddleware:
    """Puts the choosing script right after `<head>` of every HTML page."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        start: dict[str, Any] | None = None
        body = b""

        async def rewrite(message: dict[str, Any]) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                headers = dict(message["headers"])
                if headers.get(b"content-type", b"").startswith(b"text/html"):
                    start = message
                    return
            if start is None:
                await send(message)
                return
            body += message.get("body", b"")
            if message.get("more_body"):
                return
            page = body.replace(b"<head>", b"<head>" + CHOOSE.encode(), 1)
            kept = [(k, v) for k, v in start["headers"] if k != b"content-length"]
            start["headers"] = [*kept, (b"content-length", str(len(page)).encode())]
            await send(start)
            await send({"type": "http.response.body", "body": page})
            start = None

        await self.app(scope, receive, rewrite)
