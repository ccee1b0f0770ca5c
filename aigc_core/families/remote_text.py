"""Language models behind any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, Ollama,
`transformers serve`, and those that are rented.

Such a server has one or both of two ways to ask. `/completions` goes on from a text as it is, which
is what the request means, so it is tried first. Where it is missing, the prompt is a message to
`/chat/completions`, and the record says `chat`, since an answer is not a continuation.
https://platform.openai.com/docs/api-reference
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from aigc_core.bridge import run_async
from aigc_core.catalog import Entry
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.remote import ANY, ASKING, Remote, check, connect, web
from aigc_core.families.remote_causes import of_status, words
from aigc_core.families.remote_errors import NotServed, ServerBroken, StreamBroken
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks import ContinueText, Request
from aigc_core.text import Text

__all__ = ["ANSWERS", "SHARED", "check", "load"]

SHARED = True

Way = Literal["completions", "chat"]
# What servers say to a path that they do not have.
NO_SUCH_PATH = (404, 405, 501)

WRITING = Text("{host} writes", "{host} 正在生成")


@dataclass
class RemoteText(Remote):
    """A language model on another server.

    Args:
        way: how it was asked the last time with success.
    """

    way: Way | None = None


@dataclass(frozen=True)
class Piece:
    """Some of a text, or its end.

    Args:
        text: what came.
        end: why it ended, in the protocol's words; empty while it has not.
    """

    text: str
    end: str = ""


class NoSuchPath(Exception):
    """The server does not know this way to ask."""


def load(entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None) -> RemoteText:
    """The address of the model; raises as `connect`."""
    step()
    return RemoteText(**vars(connect(entry, placement)))


def continue_text(model: RemoteText, request: ContinueText) -> Generator[FamilyEvent, None, None]:
    """The prompt's continuation, a `Preview` of it after each piece that arrives."""
    progress = Progress(0, request.tokens, ASKING.fill(host=model.host))

    async def events() -> AsyncGenerator[FamilyEvent, None]:
        nonlocal progress
        text, count, end = "", 0, ""
        async for piece in pieces(model, request):
            end = piece.end or end
            if not piece.text:
                continue
            text, count = text + piece.text, count + 1
            # Servers send a token at a time, but may put some together.
            note = WRITING.fill(host=model.host)
            progress = Progress(min(count, request.tokens), request.tokens, note)
            yield progress
            yield Preview(Writing(text), count)
        if not end:
            raise StreamBroken(model.id, model.host)
        ended = "at the limit" if end == "length" else "by itself"
        details = {**model.details, "protocol": model.way, "ended": ended}
        yield Finished((Output(Writing(text), request.seed, details, tolerance=ANY),))

    yield from run_async(events, lambda: progress)


async def pieces(model: RemoteText, request: ContinueText) -> AsyncIterator[Piece]:
    """The text as it comes, by the way that the server has.

    Raises:
        RemoteError: it does not come.
    """
    if model.way != "chat":
        try:
            async for piece in completed(model, request):
                model.way = "completions"
                yield piece
            return
        except NoSuchPath:
            if model.way:
                raise NotServed(model.id, model.host, model.entry.served) from None
    async for piece in chatted(model, request):
        model.way = "chat"
        yield piece


async def completed(model: RemoteText, request: ContinueText) -> AsyncIterator[Piece]:
    """What `/completions` says, which huggingface_hub has no call for.

    Raises:
        NoSuchPath: the server does not have it, or not the model; it says no more than that.
    """
    wish = {"model": model.entry.served, "prompt": request.prompt, "stream": True}
    headers = {name: value for name, value in model.headers.items() if value}
    async with (
        model.telling(),
        web() as client,
        client.stream(
            "POST",
            completions_url(model.address),
            json={**wish, **settings(request)},
            headers=headers,
        ) as response,
    ):
        if response.status_code in NO_SUCH_PATH:
            raise NoSuchPath
        if response.status_code != 200:
            raise of_status(response, model.asked)
        async for line in response.aiter_lines():
            data = line.removeprefix("data:").strip()
            if not line.startswith("data:") or data == "[DONE]":
                continue
            said = json.loads(data)
            if said.get("error"):
                raise ServerBroken(model.id, model.host, words(data))
            for choice in said["choices"]:
                yield Piece(str(choice.get("text") or ""), choice.get("finish_reason") or "")


async def chatted(model: RemoteText, request: ContinueText) -> AsyncIterator[Piece]:
    """What `/chat/completions` answers to the prompt."""
    message = {"role": "user", "content": request.prompt}
    async with model.client() as client:
        answer = await client.chat_completion(
            [message], model=model.entry.served, stream=True, **settings(request)
        )
        async for said in answer:
            for choice in said.choices:
                yield Piece(choice.delta.content or "", choice.finish_reason or "")


def settings(request: ContinueText) -> dict[str, Any]:
    """The request in the protocol's words."""
    return {
        "max_tokens": request.tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
    }


def completions_url(address: str) -> str:
    """`/completions` below the base URL, which ends in `/v1` as huggingface_hub takes it too."""
    base = urlsplit(address)
    path = base.path.rstrip("/")
    path = path if path.endswith("/v1") else f"{path}/v1"
    return base._replace(path=f"{path}/completions").geturl()


ANSWERS: dict[type[Request], Answer] = {ContinueText: continue_text}
