"""What can go wrong through no fault of the code: one class per cause, each with its sentence.

Everything that is not an `AigcError` is a bug.
"""

from typing import Any

from aigc_core.text import Text

BUG = Text("an error in the program ({kind}).", "程序出错（{kind}）。")


class AigcError(Exception):
    """A cause that a person can understand and mostly mend.

    Args:
        text: the sentence to show, in both languages: what is wrong and what to do.
    """

    def __init__(self, text: Text, **values: Any) -> None:
        self.text = text.fill(**values) if values else text
        super().__init__(self.text.en)


class InvalidRequest(AigcError):
    """A value outside its bounds, of the wrong kind, or one the model cannot answer."""


class UnreadableFile(AigcError):
    """A file that is not what it should be: wrong format, too large, damaged."""


class UnknownModel(AigcError):
    """No entry of the catalog has this id."""

    def __init__(self, model: str) -> None:
        super().__init__(
            Text("There is no model called “{model}”.", "没有名为“{model}”的模型。"), model=model
        )


class ModelUnavailable(AigcError):
    """The model is in the catalog but cannot be loaded; the sentence says why."""

    def __init__(self, model: str, why: Text) -> None:
        self.why = why
        super().__init__(
            Text("The model {model} is not available: {why}", "模型 {model} 不可用：{why}"),
            model=model,
            why=why,
        )


class DoesNotFit(AigcError):
    """The model needs more memory than the machine can give."""

    def __init__(self, model: str, needs: int, free: int) -> None:
        super().__init__(
            Text(
                "{model} does not fit: it needs {needs}, {free} free. "
                "Try again when other models are idle, or choose a smaller one.",
                "内存不足：{model} 需要 {needs}，可用 {free}。"
                "请等其他模型空闲后再试，或换一个小一些的模型。",
            ),
            model=model,
            needs=size(needs),
            free=size(free),
        )


class OutOfMemory(AigcError):
    """Memory ran out in a run, in every way there is to take less."""

    def __init__(self, model: str) -> None:
        super().__init__(
            Text(
                "{model} ran out of memory, even with less at a time. Ask for fewer or smaller "
                "results, close other programs, or choose a smaller model.",
                "{model} 内存不足，减少单次用量后仍然不够。"
                "请减少数量或尺寸，关闭其他程序，或换一个小一些的模型。",
            ),
            model=model,
        )


class DeviceLost(AigcError):
    """A device failed in a way that only a new process mends."""

    def __init__(self, device: str) -> None:
        super().__init__(
            Text(
                "The graphics device {device} has failed. Try again: other devices go on. To use "
                "it again, whoever runs this server must start it anew.",
                "图形设备 {device} 出现故障。请重试，其他设备仍可使用。"
                "要恢复该设备，需由服务管理者重启服务。",
            ),
            device=device,
        )


class TooBusy(AigcError):
    """As many runs wait already as a visitor, or all visitors of one network, may have.

    Args:
        limit: how many that is.
        together: whether it is the network's limit.
    """

    def __init__(self, limit: int, *, together: bool = False) -> None:
        yours = Text(
            "You already have {limit} runs waiting. Let one finish or stop it, then try again.",
            "你已有 {limit} 个任务在排队。请等一个完成或将其停止，然后再试。",
        )
        all_of_you = Text(
            "{limit} runs from your network are waiting already. Please try again in a moment.",
            "你所在的网络已有 {limit} 个任务在排队。请稍后再试。",
        )
        super().__init__(all_of_you if together else yours, limit=limit)


class Cancelled(AigcError):
    """The visitor stopped the run."""

    def __init__(self) -> None:
        super().__init__(Text("Stopped.", "已停止。"))


class DatasetMissing(AigcError):
    """A dataset is not on this machine and could not be fetched."""

    def __init__(self, name: str, why: Text) -> None:
        super().__init__(
            Text(
                "The dataset file {name} is not on this machine: {why}",
                "本机没有数据集文件 {name}：{why}",
            ),
            name=name,
            why=why,
        )


class CorruptFile(AigcError):
    """A file whose bytes are not the published ones."""

    def __init__(self, name: str) -> None:
        super().__init__(
            Text(
                "{name} is damaged: its checksum is wrong. Delete it and fetch it again.",
                "{name} 已损坏：校验和不符。请删除后重新获取。",
            ),
            name=name,
        )


def size(count: int) -> str:
    """Bytes as people read them: `1.4 MB`, `13 GB`."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.{0 if value >= 10 or units[0] == 'B' else 1}f} {units[0]}"


def reason(error: BaseException) -> Text:
    """Why a load failed, in words that say nothing of the program's inside."""
    if isinstance(error, ModelUnavailable):
        return error.why
    return error.text if isinstance(error, AigcError) else BUG.fill(kind=type(error).__name__)
