"""Chat: a conversation with a character of Shakespeare's, or with a pretrained model."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core import default_engine
from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import Preview, Progress, Result
from aigc_core.media import Writing
from aigc_core.tasks import ChatText
from aigc_core.tasks.base import clean
from aigc_core.text import Text
from apps.text import panes
from apps.text.answers import candidates
from apps.text.lineup import must_be_here
from apps.text.sampling import FIELDS, draw_sampling
from apps.text.talk import MESSAGE, Talk, recalled, view
from apps.ui.controls import NEW_SEED, control, model_choice
from apps.ui.demo import Demo
from apps.ui.language import both, t
from apps.ui.markup import heading, lede
from apps.ui.pages import opened, outside
from apps.ui.runs import KEPT, QUIET, events, guarded, progress, stops

POSTER = Path(__file__).parent / "posters" / "chat.txt"
SCRIPT = Path(__file__).with_name("talk.js")
TITLE = Text("Chat", "对话")
LINE = Text(
    "Talk with a character from Shakespeare, or with a pretrained model that really answers.",
    "与莎士比亚笔下的人物交谈，或与真正会回答的预训练模型交谈。",
)
SOUND = Text(
    "This model has read nothing but Shakespeare’s plays, one character at a time. It has "
    "their sound but knows no facts, and takes your words for the lines of a stranger on "
    "stage.",
    "此模型只读过莎士比亚的剧本，而且是逐个字符读的。它学会了语气，却不懂任何事实，"
    "把你的话当作台上陌生人的台词。",
)
SPEAKER = Text("You speak with", "与谁交谈")
CHARACTERS = (
    ("ROMEO", Text("Romeo", "罗密欧")),
    ("JULIET", Text("Juliet", "朱丽叶")),
    ("KING RICHARD III", Text("King Richard III", "理查三世")),
    ("GLOUCESTER", Text("Gloucester", "葛罗斯特")),
    ("PETRUCHIO", Text("Petruchio", "彼特鲁乔")),
    ("KATHARINA", Text("Katharina", "凯瑟丽娜")),
    ("MENENIUS", Text("Menenius", "米尼涅斯")),
    ("DUKE VINCENTIO", Text("Duke Vincentio", "文森修公爵")),
)
EXAMPLES = ("Good morrow! Who are you?", "What is love?", "Will you fight for the king?")
YOURS = Text("Your message", "你的话")
NOTHING = Text("There is no answer to regenerate yet.", "还没有可以重新生成的回答。")
SILENT = Text("It had nothing to say. Ask once more.", "它无话可说。请再问一次。")
TOO_LONG = Text(
    "A message may have {most} characters; yours has {count}.",
    "一条消息最多 {most} 个字符，你的有 {count} 个。",
)
EMPTY = Text("Write a message first.", "请先写一句话。")
SEND, STOP = Text("Send", "发送"), Text("Stop", "停止")
AGAIN, CLEAR = Text("Answer again", "重新回答"), Text("Clear", "清空")


def draw() -> None:
    """Draws the demo into the current context."""
    entries = candidates(ChatText)
    with outside():
        # A secret of the process would lose the conversation whenever the server starts anew.
        kept = gr.BrowserState([], storage_key="aigc_chat", secret="aigc")  # noqa: S106
    talk = gr.State(Talk())
    first = next((entry for entry in entries if panes.is_here(entry)), entries[0])
    gr.HTML(heading(TITLE, LINE), padding=False)
    with gr.Row(elem_classes=["stage"]):
        with gr.Column(scale=5, elem_id="chat"):
            dialogue = gr.HTML(
                view(Talk()),
                padding=False,
                autoscroll=True,
                max_height="calc(100vh - 392px)",
                js_on_load=SCRIPT.read_text("utf-8"),
                elem_id="chat-talk",
            )
            status = gr.HTML(padding=False, elem_id="chat-status")
            box = gr.Textbox(
                label=t(YOURS), max_lines=6, value=EXAMPLES[0], elem_id="chat-box", scale=5
            )
            box.preprocess = lambda payload: payload
            with gr.Row(elem_classes=["small", "left"]):
                send = gr.Button(t(SEND), variant="primary", size="sm", elem_id="chat-send")
                stop = gr.Button(t(STOP), size="sm", elem_id="chat-stop")
                again = gr.Button(t(AGAIN), size="sm", elem_id="chat-again")
                clear = gr.Button(t(CLEAR), size="sm", elem_id="chat-clear")
        with gr.Column(scale=2, elem_classes=["controls"]):
            model = model_choice(entries, elem_id="chat-model")
            model.value = first.id
            about = gr.HTML(described(first), padding=False, elem_id="chat-about")
            speaker = gr.Radio(
                [(t(name), value) for value, name in CHARACTERS],
                value=CHARACTERS[0][0],
                label=t(SPEAKER),
                visible=plays(first),
                elem_classes=["chips"],
                elem_id="chat-speaker",
            )
            speaker.preprocess = lambda payload: payload
            system = control(ChatText, "system", lines=2, visible=not plays(first))
            thinking = control(ChatText, "thinking", visible=not plays(first))
            gr.Examples([[words] for words in EXAMPLES], [box], label=t(Text("Try", "试试")))
            sampling = draw_sampling(ChatText)
            away = gr.HTML(panes.away(entries), padding=False)

    settings = [model, speaker, system, thinking, *sampling.fields]
    shown = [dialogue, box, talk, status]
    seed = [sampling.fields[-1], sampling.fresh]
    jobs = [
        gr.on([send.click, box.submit], None, seed, seed[0], js=NEW_SEED).then(
            say, [box, talk, *settings], shown, api_name="text_chat", **KEPT
        ),
        again.click(None, seed, seed[0], js=NEW_SEED).then(
            say_again, [box, talk, *settings], shown, api_name="text_chat_again", **KEPT
        ),
    ]
    stops(stop, jobs, status)
    for job in jobs:
        job.success(remembered, talk, kept, **QUIET)
        job.failure(settled, [talk, box], [dialogue, box, talk, kept], **QUIET)
    clear.click(cleared, None, [dialogue, talk, kept], **QUIET)
    model.change(chosen, model, [about, speaker, system, thinking], **QUIET)
    opened()(looked, None, away, **QUIET)
    page = gr.context.Context.root_block
    assert page is not None
    page.load(back, kept, [dialogue, talk], **QUIET)


@guarded
async def say(
    message: Any,
    talk: Any,
    model: Any,
    speaker: Any,
    system: Any,
    thinking: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    seed: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    message = clean(message) if isinstance(message, str) else ""
    if not message.strip():
        raise InvalidRequest(EMPTY)
    if len(message) > MESSAGE:
        raise InvalidRequest(TOO_LONG, most=f"{MESSAGE:,}", count=f"{len(message):,}")
    sampled = (tokens, temperature, top_p, top_k, min_p, repetition_penalty, seed)
    going = known(talk).ended()[0].asked(message)
    async with aclosing(answers(going, model, speaker, system, thinking, sampled, web)) as steps:
        async for shown in steps:
            yield shown


@guarded
async def say_again(
    message: Any,
    talk: Any,
    model: Any,
    speaker: Any,
    system: Any,
    thinking: Any,
    tokens: Any,
    temperature: Any,
    top_p: Any,
    top_k: Any,
    min_p: Any,
    repetition_penalty: Any,
    seed: Any,
    web: gr.Request,
) -> AsyncIterator[tuple[Any, ...]]:
    """The last answer once more; what stands in the box stays there."""
    going = known(talk).ended()[0].again(message if isinstance(message, str) else "")
    if going is None:
        raise InvalidRequest(NOTHING)
    sampled = (tokens, temperature, top_p, top_k, min_p, repetition_penalty, seed)
    async with aclosing(answers(going, model, speaker, system, thinking, sampled, web)) as steps:
        async for dialogue, _, talked, status in steps:
            yield dialogue, gr.skip(), talked, status


async def answers(
    talk: Talk,
    model: Any,
    speaker: Any,
    system: Any,
    thinking: Any,
    sampled: tuple[Any, ...],
    web: gr.Request,
) -> AsyncGenerator[tuple[Any, ...], None]:
    """Conversation, box, state and line while the last turn is written."""
    entry = default_engine().catalog.find(model)
    must_be_here(entry)
    messages, dropped = talk.messages
    request = ChatText.ask(
        messages=messages,
        system=speaker if plays(entry) else system,
        thinking=thinking,
        **dict(zip(FIELDS, sampled, strict=True)),
    )
    name = title(entry, speaker)
    talk = talk.answered(Writing(""), name)
    yield view(talk, writing=True), "", talk, ""
    async with aclosing(events(request, entry.id, web)) as stream:
        async for event in stream:
            match event:
                case Progress():
                    yield gr.skip(), gr.skip(), gr.skip(), progress(event)
                case Preview(Writing() as media):
                    talk = talk.answered(media, name)
                    yield view(talk, writing=True), gr.skip(), talk, ""
                case Result((artifact, *_)):
                    assert isinstance(artifact.media, Writing)
                    record = artifact.record
                    lost = dropped + record.details.get("dropped", 0)
                    told = {**record.details, "dropped": lost} if lost else record.details
                    notes = panes.notes(record.model_copy(update={"details": told}))
                    talk, said = talk.answered(artifact.media, name, notes).ended()
                    silent = not artifact.media.text.strip()
                    line = f'<p class="status">{both(SILENT)}</p>' if silent else ""
                    yield view(talk), said or gr.skip(), talk, line


def known(talk: Any) -> Talk:
    """The session's conversation."""
    return talk if isinstance(talk, Talk) else Talk()


def plays(entry: Entry) -> bool:
    """Whether a model only speaks as a character: those that were trained here."""
    return entry.origin == "scratch"


def title(entry: Entry, speaker: Any) -> Text:
    """Who answers."""
    if not plays(entry):
        return entry.short
    names = dict(CHARACTERS)
    return names.get(speaker, entry.short) if isinstance(speaker, str) else entry.short


def described(entry: Entry) -> str:
    """What is to be expected of a model."""
    if not panes.is_here(entry):
        return panes.absent(entry)
    return lede(SOUND if plays(entry) else entry.summary) + panes.remarks(entry)


async def remembered(talk: Talk) -> list[dict[str, Any]]:
    """The conversation for the browser to keep."""
    return talk.kept()


async def settled(talk: Any, box: Any) -> tuple[Any, ...]:
    """After a stop or an error: what was written stays, or what was asked is in the box again."""
    now, said = known(talk).ended()
    if known(talk).before is None:
        said = box
    return view(now), said, now, now.kept()


async def cleared() -> tuple[Any, ...]:
    return view(Talk()), Talk(), []


async def back(kept: Any) -> tuple[Any, ...]:
    """The conversation of the last visit."""
    talk = recalled(kept)
    return view(talk), talk


@guarded
async def chosen(model: Any, web: gr.Request) -> AsyncIterator[tuple[Any, ...]]:  # noqa: ARG001
    """What is known of a model, and what it can be told."""
    entry = default_engine().catalog.find(model)
    shown = gr.update(visible=not plays(entry))
    yield described(entry), gr.update(visible=plays(entry)), shown, shown


@guarded
async def looked(web: gr.Request) -> AsyncIterator[str]:  # noqa: ARG001
    """Which models are here may have changed since the page was made."""
    yield panes.away(candidates(ChatText))


CHAT = Demo("chat", TITLE, LINE, POSTER, draw, needs=ChatText)
