"""Talking to a model of transformers through the chat template that its tokenizer has."""

from bisect import bisect_left
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any

from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Progress
from aigc_core.families import Answer
from aigc_core.families.asking import Said, Wish, as_it_is
from aigc_core.families.causal_model import LoadedText
from aigc_core.families.causal_writing import WRITING, write
from aigc_core.families.chat_tasks import TASKS, Events
from aigc_core.families.thinking import OPEN, finished, parted
from aigc_core.media import Writing
from aigc_core.tasks.base import Request, brief
from aigc_core.tasks.text import Sampling
from aigc_core.tasks.writing import Message
from aigc_core.text import Text

NO_TEMPLATE = Text(
    "{model} continues texts only: it has no chat template, which says how a conversation is laid "
    "out for it. Choose a chat model.",
    "{model} 只能续写文本：它没有聊天模板，无法得知对话应如何排布。请换一个对话模型。",
)
REFUSED = Text(
    "The chat template of {model} does not take this conversation: {why}",
    "{model} 的聊天模板不接受这段对话：{why}",
)
TOO_LONG = Text(
    "Even without the text, the instructions have more tokens than the {most} that this model can "
    "read. Shorten them.",
    "不算文本，仅指令就超过了此模型可读取的 {most} 个词元。请缩短指令。",
)
DROPPED = Text(
    "The conversation is too long: its {count} oldest messages are left out",
    "对话过长：略去最早的 {count} 条消息",
)
CUT = Text(
    "The text is too long: {count} tokens of it are left out", "文本过长：略去 {count} 个词元"
)


@dataclass(frozen=True)
class Layout:
    """A conversation as the model reads it.

    Args:
        opened: whether it ends with the tag that opens the model's thoughts.
        dropped: old messages that had no room.
        cut: tokens of the material that had none.
    """

    tokens: list[int]
    opened: bool
    dropped: int = 0
    cut: int = 0


@dataclass(frozen=True)
class Chat:
    """A loaded model as one that can be asked."""

    model: LoadedText

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
        """As `Chatter.ask`.

        Raises:
            InvalidRequest: the model has no chat template, or what it is told has no room.
        """
        laid = lay_out(self.model, wish, tokens, thinking=thinking)
        for count, text in ((laid.dropped, DROPPED), (laid.cut, CUT)):
            if count:
                yield Progress(0, len(laid.tokens), text.fill(count=count))
        written = yield from write(
            self.model,
            laid.tokens,
            sampling,
            tokens,
            shown=lambda text: shown(parted(text, opened=laid.opened)),
            note=note or WRITING,
        )
        details = written.details(laid.tokens, laid.cut)
        if laid.dropped:
            details["dropped"] = laid.dropped
        return Said(finished(written.text, opened=laid.opened), details)

    def texts(self, text: str, /) -> list[str]:
        return self.model.texts_of(self.model.encode(text, special=False)) if text else []


def lay_out(model: LoadedText, wish: Wish, tokens: int, *, thinking: bool) -> Layout:
    """A conversation that leaves room for so many tokens.

    Old messages go first, from the oldest on; then of the material what does not fit. At least half
    of what the model can hold stays for the conversation.
    """
    most = model.context - min(tokens, model.context // 2)

    def laid(older: tuple[Message, ...], material: str) -> tuple[list[int], bool]:
        text = templated(model, wish.turns(material, older), thinking=thinking)
        return model.encode(text, special=False), text.rstrip().endswith(OPEN)

    def fits(older: tuple[Message, ...], material: str) -> bool:
        return len(laid(older, material)[0]) <= most

    older, material = wish.older, wish.material
    if not fits(older, material):
        # Where a conversation may begin: with a message of the user.
        starts = [place for place, one in enumerate(older) if one.role == "user"]
        starts.append(len(older))
        at = bisect_left(starts, True, key=lambda start: fits(older[start:], material))
        older = older[starts[min(at, len(starts) - 1)] :]
    cut = 0
    if not fits(older, material):
        if not fits(older, ""):
            raise InvalidRequest(TOO_LONG, most=most)
        length = bisect_left(
            range(len(material)), True, key=lambda size: not fits(older, ends(material, size, wish))
        )
        material = ends(material, max(0, length - 1), wish)
        before = len(model.encode(wish.material, special=False))
        cut = before - (len(model.encode(material, special=False)) if material else 0)
    found, opened = laid(older, material)
    return Layout(found, opened, len(wish.older) - len(older), cut)


def ends(material: str, size: int, wish: Wish) -> str:
    """So many characters of a material, from the end that is kept."""
    return material[:size] if wish.keep == "start" else material[len(material) - size :]


def templated(model: LoadedText, turns: list[dict[str, str]], *, thinking: bool) -> str:
    """A conversation as the model's chat template writes it.

    Where a template knows no instructions from the start, they open the user's first message.

    Raises:
        InvalidRequest: there is no template, or it does not take such a conversation.
    """
    from jinja2 import TemplateError

    if not model.tokenizer.chat_template:
        raise InvalidRequest(NO_TEMPLATE, model=model.id)

    def apply(turns: list[dict[str, str]]) -> str:
        with model.tokenizing:
            return str(
                model.tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=True, enable_thinking=thinking
                )
            )

    try:
        return apply(turns)
    except TemplateError as error:
        system, *rest = turns
        if system["role"] != "system":
            raise InvalidRequest(REFUSED, model=model.id, why=brief(error)) from error
    at = next(place for place, turn in enumerate(rest) if turn["role"] == "user")
    rest[at] = {"role": "user", "content": f"{system['content']}\n\n{rest[at]['content']}"}
    return templated(model, rest, thinking=thinking)


def answer(model: LoadedText, request: Any, *, task: Callable[..., Events]) -> Events:
    yield from task(Chat(model), request)


ANSWERS: dict[type[Request], Answer] = {
    kind: partial(answer, task=task) for kind, task in TASKS.items()
}
