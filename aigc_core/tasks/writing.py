"""What can be asked of models that follow instructions."""

import json
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aigc_core.errors import InvalidRequest
from aigc_core.tasks.base import Choice, Prose, parameter, text_parameter
from aigc_core.tasks.text import MOST_TOKENS, Sampling, tokens_parameter
from aigc_core.text import Text

LONGEST = 20_000
SENTENCE = (
    "Chlorophyll absorbs red and blue light and reflects green, which is why leaves look green."
)

NO_CONVERSATION = Text(
    "Messages must each have a role (user or assistant) and a content, and the last be the user's.",
    "每条消息须有 role（user 或 assistant）和 content，且最后一条须是用户的。",
)


class Message(BaseModel):
    """One turn of a conversation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["user", "assistant"]
    content: Prose = Field(max_length=LONGEST)


class ChatText(Sampling):
    """Answer the last message of a conversation.

    The result of this and of all tasks below is a `Writing`, with what the model thought first
    apart in `thinking`; `details` as of continuing a text.
    """

    task: ClassVar[str] = "chat-text"
    title: ClassVar[Text] = Text("Chat", "对话")

    messages: Prose = text_parameter(
        "Good morrow! Who are you?",
        Text("Messages", "消息"),
        Text(
            "What the user says; or the conversation so far as JSON, the user's message last: "
            '[{"role": "user", "content": "..."}, {"role": "assistant", ...}, ...]',
            "用户所说的话；或以 JSON 表示的迄今对话，最后一条是用户的消息："
            '[{"role": "user", "content": "..."}, {"role": "assistant", ...}, ...]',
        ),
        longest=3 * LONGEST,
        shortest=1,
    )
    system: Prose = text_parameter(
        "",
        Text("Instructions", "系统指令"),
        Text("How the model is to behave, from the start.", "从一开始就告诉模型的行为要求。"),
        longest=4000,
    )
    thinking: bool = parameter(
        False,
        Text("Think first", "先思考"),
        Text("Lets models that can think before they answer.", "让能思考的模型先思考再回答。"),
    )
    tokens: int = tokens_parameter(256, most=4 * MOST_TOKENS)

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation; the last message is the user's.

        Raises:
            InvalidRequest: it is JSON, but not such a conversation.
        """
        try:
            listed = json.loads(self.messages)
        except (ValueError, RecursionError):
            listed = None
        if not isinstance(listed, list):
            return (Message(role="user", content=self.messages),)
        try:
            turns = tuple(Message.model_validate(turn) for turn in listed)
        except ValidationError:
            turns = ()
        if not turns or turns[-1].role != "user":
            raise InvalidRequest(NO_CONVERSATION)
        return turns


class SummariseText(Sampling):
    """Summarise a text in its own language."""

    task: ClassVar[str] = "summarise-text"
    title: ClassVar[Text] = Text("Summarise", "摘要")

    text: Prose = text_parameter(
        SENTENCE,
        Text("Text", "文本"),
        Text("What to summarise.", "要摘要的文本。"),
        longest=LONGEST,
        shortest=1,
    )
    sentences: int = parameter(
        2,
        Text("Sentences", "句数"),
        Text("How long the summary is to be.", "摘要的长度。"),
        ge=1,
        le=10,
        step=1,
    )
    tokens: int = tokens_parameter(256)


class AnswerQuestion(Sampling):
    """Answer a question from a passage, and from it alone.

    `details["quotes"]` hold [start, end] in characters of the places in the passage that support
    the answer, the best first.
    """

    task: ClassVar[str] = "answer-question"
    title: ClassVar[Text] = Text("Ask a passage", "向文段提问")

    passage: Prose = text_parameter(
        SENTENCE,
        Text("Passage", "文段"),
        Text("Where the answer is to be found.", "答案所在的文段。"),
        longest=LONGEST,
        shortest=1,
    )
    question: Prose = text_parameter(
        "Why do leaves look green?",
        Text("Question", "问题"),
        Text("What you want to know from it.", "想从中了解什么。"),
        longest=1000,
        shortest=1,
    )
    tokens: int = tokens_parameter(192)


class WriteText(Sampling):
    """Write a text to a brief; a long one by parts: an outline, then section by section.

    `details["outline"]` hold the titles of the sections, where there is more than one.
    """

    task: ClassVar[str] = "write-text"
    title: ClassVar[Text] = Text("Write", "写作")

    brief: Prose = text_parameter(
        "A lighthouse keeper finds a letter in a bottle.",
        Text("Brief", "要求"),
        Text("What the text is to be about.", "文章要写什么。"),
        longest=2000,
        shortest=1,
    )
    genre: Literal["story", "news", "poem", "script"] = parameter(
        "script",
        Text("Genre", "体裁"),
        Text("What kind of text.", "哪种文体。"),
        choices=(
            Choice("story", Text("story", "故事")),
            Choice("news", Text("news", "新闻")),
            Choice("poem", Text("poem", "诗歌")),
            Choice("script", Text("script", "剧本")),
        ),
    )
    parts: int = parameter(
        1,
        Text("Sections", "节数"),
        Text(
            "More than one are outlined first, then written one after the other.",
            "多于一节时，先列提纲，再逐节写成。",
        ),
        ge=1,
        le=8,
        step=1,
    )
    tokens: int = tokens_parameter(320)
