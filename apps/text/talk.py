"""A conversation as the page keeps it, and as it shows it: like a dialogue in a printed play."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from aigc_core.media import Writing
from aigc_core.tasks import ChatText
from aigc_core.tasks.base import clean
from aigc_core.text import Text
from apps.text import panes
from apps.ui.language import both

YOU = Text("You", "你")
COPY = Text("Copy", "复制")
BEGIN = Text("Say something to begin.", "说点什么，开始对话。")
# The most that a request takes: of its JSON, and of one message.
LONGEST = ChatText.shown("messages").longest
MESSAGE = LONGEST // 3


@dataclass(frozen=True)
class Turn:
    """What one side said.

    Args:
        role: `user` or `assistant`.
        name: of who answered, in both languages.
        notes: HTML of what is to be said of an answer; never kept in the browser.
    """

    role: str
    content: str
    thinking: str = ""
    name: tuple[str, str] = ("", "")
    notes: str = ""


@dataclass(frozen=True)
class Talk:
    """A conversation.

    Args:
        turns: the user's and the model's in turn; while a model answers, its turn is the last.
        before: the turns as they were before a run that has not ended; None between runs.
        box: what goes back into the box if that run comes to nothing.
    """

    turns: tuple[Turn, ...] = ()
    before: tuple[Turn, ...] | None = None
    box: str = ""

    def asked(self, message: str) -> "Talk":
        """Once the user has said something more."""
        turns = (*self.turns, Turn("user", message), Turn("assistant", ""))
        return Talk(turns, before=self.turns, box=message)

    def again(self, box: str) -> "Talk | None":
        """Without the last answer, which is to be given anew; None where there is none."""
        if not self.turns or self.turns[-1].role != "assistant":
            return None
        return Talk((*self.turns[:-1], Turn("assistant", "")), before=self.turns, box=box)

    def answered(self, media: Writing, name: Text, notes: str = "") -> "Talk":
        """With the answer as far as it has come."""
        # Models may write what is not seen too.
        text, thinking = clean(media.text), clean(media.thinking)
        answer = Turn("assistant", text, thinking, (name.en, name.zh), notes)
        return replace(self, turns=(*self.turns[:-1], answer))

    def ended(self) -> tuple["Talk", str]:
        """After a run, however it ended, and what the box is to hold.

        What was written stays; where nothing was, all is as it was before.
        """
        if self.before is None:
            return self, self.box
        if self.turns and self.turns[-1].content.strip():
            return Talk(self.turns), ""
        return Talk(self.before), self.box

    @property
    def messages(self) -> tuple[str, int]:
        """The messages as a request takes them, the user's last, and how many had to go.

        The first ones go where all together are longer than a request may be.
        """
        said = [turn for turn in self.turns if turn.content.strip()]
        if said and said[-1].role == "assistant":
            said.pop()
        listed = [{"role": turn.role, "content": turn.content} for turn in said]
        dropped = 0
        # A conversation begins with the user, which chat templates count on.
        while len(listed) > 1 and (
            len(packed(listed)) > LONGEST or listed[0]["role"] == "assistant"
        ):
            listed.pop(0)
            dropped += 1
        return packed(listed), dropped

    def kept(self) -> list[dict[str, Any]]:
        """What the browser keeps."""
        return [{**asdict(turn), "notes": ""} for turn in self.turns]


def packed(messages: Sequence[dict[str, str]]) -> str:
    return json.dumps(messages, ensure_ascii=False)


def recalled(kept: Any) -> Talk:
    """A conversation that a browser kept, as far as it is one: a visitor may have put anything."""
    turns = []
    for item in kept if isinstance(kept, list) else []:
        match item:
            case {"role": "user" | "assistant" as role, "content": str(content)}:
                match item.get("name"):
                    case [str(en), str(zh)]:
                        name = (clean(en)[:80], clean(zh)[:80])
                    case _:
                        name = ("", "")
                thinking = item.get("thinking")
                thinking = clean(thinking)[:MESSAGE] if isinstance(thinking, str) else ""
                turns.append(Turn(role, clean(content)[:MESSAGE], thinking, name))
    return Talk(tuple(turns))


def view(talk: Talk, *, writing: bool = False) -> str:
    """HTML of a conversation; while a model answers, a cursor follows its words."""
    if not talk.turns:
        return f'<div class="talk empty"><p>{both(BEGIN)}</p></div>'
    *first, last = talk.turns
    turns = [*map(shown, first), shown(last, writing=writing)]
    return f'<div class="talk" role="log">{"".join(turns)}</div>'


def shown(turn: Turn, *, writing: bool = False) -> str:
    """One turn: who speaks, what they say, and a button that copies it."""
    name = YOU if turn.role == "user" else Text._make(turn.name)
    copy = (
        f'<button type="button" data-copy>{both(COPY)}</button>'
        if turn.role == "assistant" and turn.content and not writing
        else ""
    )
    said = panes.prose(turn.content, "", writing=writing)
    return (
        f'<section class="{turn.role}"><h3>{both(name)}</h3><div>'
        f"{panes.thoughts(turn.thinking)}{said}{turn.notes}{copy}</div></section>"
    )
