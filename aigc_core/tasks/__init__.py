"""What can be asked: one file per modality. Nothing heavy is imported here."""

from aigc_core.errors import InvalidRequest
from aigc_core.tasks.attention import AttendText, RankHeads
from aigc_core.tasks.base import Request, brief
from aigc_core.tasks.image import InterpolateImages, SampleImages, TraceImage
from aigc_core.tasks.latent import (
    DecodeLatent,
    EncodeImage,
    FindNeighbours,
    MapLatent,
    VaryImage,
    WalkLatent,
)
from aigc_core.tasks.pictures import TextToImage
from aigc_core.tasks.text import ContinueText, ScoreText, TraceText
from aigc_core.tasks.translation import TranslateText
from aigc_core.tasks.verse import ComposePoem, FindPoems, SampleVerse, WalkVerse
from aigc_core.tasks.writing import AnswerQuestion, ChatText, SummariseText, WriteText
from aigc_core.text import Text

__all__ = [
    "TASKS",
    "AnswerQuestion",
    "AttendText",
    "ChatText",
    "ComposePoem",
    "ContinueText",
    "DecodeLatent",
    "EncodeImage",
    "FindNeighbours",
    "FindPoems",
    "InterpolateImages",
    "MapLatent",
    "RankHeads",
    "Request",
    "SampleImages",
    "SampleVerse",
    "ScoreText",
    "SummariseText",
    "TextToImage",
    "TraceImage",
    "TraceText",
    "TranslateText",
    "VaryImage",
    "WalkLatent",
    "WalkVerse",
    "WriteText",
    "brief",
    "find",
]

TASKS: dict[str, type[Request]] = {
    request.task: request
    for request in (
        SampleImages,
        InterpolateImages,
        TraceImage,
        EncodeImage,
        VaryImage,
        FindNeighbours,
        DecodeLatent,
        MapLatent,
        WalkLatent,
        TextToImage,
        ContinueText,
        ScoreText,
        TraceText,
        AttendText,
        RankHeads,
        ComposePoem,
        FindPoems,
        SampleVerse,
        WalkVerse,
        TranslateText,
        ChatText,
        SummariseText,
        AnswerQuestion,
        WriteText,
    )
}


def find(task: str) -> type[Request]:
    """The request type of a task.

    Raises:
        InvalidRequest: there is none of that name.
    """
    if task not in TASKS:
        raise InvalidRequest(
            Text(
                "There is no task called “{task}”. There are: {tasks}.",
                "没有名为“{task}”的任务。可选：{tasks}。",
            ),
            task=brief(task),
            tasks=", ".join(TASKS),
        )
    return TASKS[task]
