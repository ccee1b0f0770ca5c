"""Language models behind any server that speaks OpenAI's protocol: vLLM, SGLang, llama.cpp, Ollama,
`transformers serve`, and those that are rented.

Such a server has one or both of two ways to ask. `/completions` goes on from a text as it is, which
is what the request means, so it is tried first. Where it is missing, the prompt is a message to
`/chat/completions`, and the record says `chat`, since an answer is not a continuation.
https://platform.openai.com/docs/api-reference
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from aigc_core.bridge import run_async
from aigc_core.catalog import Entry
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.asking import Said, Wish, as_it_is
from aigc_core.families.chat_tasks import TASKS, Events
from aigc_core.families.remote import ANY, ASKING, Remote, check, connect, web
from aigc_core.families.remote_causes import of_status, words
from aigc_core.families.remote_errors import NotServed, ServerBroken, StreamBroken
from aigc_core.families.thinking import finished, parted
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks import ContinueText, Request
from aigc_core.tasks.text import Sampling
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
        thinking: what came of the model's thoughts, where the server parts them.
    """

    text: str
    end: str = ""
    thinking: str = ""


class NoSuchPath(Exception):
    """The server does not know this way to ask."""


def load(entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None) -> RemoteText:
    """The address of the model; raises as `connect`."""
    step()
    return RemoteText(**vars(connect(entry, placement)))


def continue_text(model: RemoteText, request: ContinueText) -> Events:
    """The prompt's continuation, a `Preview` of it after each piece that arrives."""
    said = yield from told(model, pieces(model, request), request.tokens, Writing)
    output = Output(said.writing, request.seed, said.details, tolerance=said.tolerance)
    yield Finished((output,))


def told(
    model: RemoteText,
    arriving: AsyncIterator[Piece],
    tokens: int,
    shown: Callable[[str, str], Writing],
    note: Text | None = None,
) -> Generator[FamilyEvent, None, Said]:
    """Tells pieces as they arrive; returns all that was said.

    Args:
        shown: the preview of a text so far, and of thoughts that the server sends apart.
    """
    progress = Progress(0, tokens, ASKING.fill(host=model.host))
    text = thoughts = end = ""

    async def events() -> AsyncGenerator[FamilyEvent, None]:
        nonlocal progress, text, thoughts, end
        count = 0
        async for piece in arriving:
            end = piece.end or end
            if not (piece.text or piece.thinking):
                continue
            text, thoughts, count = text + piece.text, thoughts + piece.thinking, count + 1
            # Servers send a token at a time, but may put some together.
            said = note or WRITING.fill(host=model.host)
            progress = Progress(min(count, tokens), tokens, said)
            yield progress
            yield Preview(shown(text, thoughts), count)
        if not end:
            raise StreamBroken(model.id, model.host)

    yield from run_async(events, lambda: progress)
    ended = "at the limit" if end == "length" else "by itself"
    details = {**model.details, "protocol": model.way, "ended": ended}
    return Said(Writing(text, thoughts), details, ANY)


@dataclass(frozen=True)
class RemoteChat:
    """A model on a server as one that can be asked."""

    model: RemoteText

    def ask(
        self,
        wish: Wish,
        sampling: Sampling,
        tokens: int,
        *,
        thinking: bool = False,
        shown: Callable[[Writing], Writing] = as_it_is,
        note: Text | None = None,
    ) -> Generator[FamilyEvent, None, Said]:
        """As `Chatter.ask`. What has no room is the server's affair."""
        more = {"chat_template_kwargs": {"enable_thinking": True}} if thinking else {}
        turns = wish.turns(wish.material, wish.older)
        said = yield from told(
            self.model,
            chatted(self.model, turns, sampling, tokens, more),
            tokens,
            lambda text, thoughts: shown(together(parted(text), thoughts)),
            note,
        )
        whole = together(finished(said.writing.text), said.writing.thinking)
        # How it was asked for this answer is no sign of how it is best asked to go on.
        return Said(whole, {**said.details, "protocol": "chat"}, said.tolerance)

    def texts(self, _: str, /) -> list[str]:
        return []


def together(writing: Writing, thoughts: str) -> Writing:
    """A text with the thoughts in it and those that came apart."""
    return Writing(writing.text, thoughts.strip() or writing.thinking)


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
    turns = [{"role": "user", "content": request.prompt}]
    async for piece in chatted(model, turns, request, request.tokens):
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
            json={**wish, **settings(request, request.tokens), **extras(request)},
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


async def chatted(
    model: RemoteText,
    turns: list[dict[str, str]],
    sampling: Sampling,
    tokens: int,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[Piece]:
    """What `/chat/completions` answers to a conversation; `more` is sent as it is."""
    async with model.client() as client:
        answer = await client.chat_completion(
            turns,
            model=model.entry.served,
            stream=True,
            **settings(sampling, tokens),
            extra_body={**extras(sampling), **more} or None,
        )
        async for said in answer:
            for choice in said.choices:
                delta = choice.delta
                # vLLM and others have called it both ways.
                thoughts = delta.get("reasoning_content") or delta.get("reasoning") or ""
                yield Piece(delta.content or "", choice.finish_reason or "", str(thoughts))


def settings(sampling: Sampling, tokens: int) -> dict[str, Any]:
    """The request in the protocol's words."""
    return {
        "max_tokens": tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }


def extras(sampling: Sampling) -> dict[str, Any]:
    """What the protocol has no word for, in that of vLLM and others; nothing where it is off.

    A server that does not know it may refuse it.
    """
    off = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    return {name: value for name in off if (value := getattr(sampling, name)) != off[name]}


def completions_url(address: str) -> str:
    """`/completions` below the base URL, which ends in `/v1` as huggingface_hub takes it too."""
    base = urlsplit(address)
    path = base.path.rstrip("/")
    path = path if path.endswith("/v1") else f"{path}/v1"
    return base._replace(path=f"{path}/completions").geturl()


def answer(model: RemoteText, request: Any, *, task: Callable[..., Events]) -> Events:
    yield from task(RemoteChat(model), request)


ANSWERS: dict[type[Request], Answer] = {
    ContinueText: continue_text,
    **{kind: partial(answer, task=task) for kind, task in TASKS.items()},
}
