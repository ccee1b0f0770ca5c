"""`run TASK`: one request, its settings as options made from the request's fields."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from aigc_core.digits import pack, read_digit
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest, UnreadableFile
from aigc_core.events import Preview, Progress, Result
from aigc_core.exports import writable, write
from aigc_core.tasks import TASKS, Request
from aigc_core.text import Text

PICTURE = Text(
    "A picture file of a digit; it is brought into MNIST's manner.",
    "一个数字的图片文件；会被转换成 MNIST 的样式。",
)


def add(commands: Any) -> None:
    parser = commands.add_parser("run", help="one request")
    tasks = parser.add_subparsers(required=True, metavar="TASK", dest="task")
    for name, request in TASKS.items():
        task = tasks.add_parser(name, help=request.title.en)
        task.add_argument("--model", help="default: the first that can")
        task.add_argument(
            "--out",
            type=Path,
            required=True,
            help="a folder, a .zip with one file each, or one .png, .gif, .txt or .json",
        )
        for field in request.model_fields:
            shown = request.shown(field)
            task.add_argument(
                f"--{field.replace('_', '-')}",
                dest=field,
                help=PICTURE.en if shown.picture else shown.help.en,
                metavar="FILE" if shown.picture else "VALUE",
            )
        task.set_defaults(do=do, request=request)


def do(options: argparse.Namespace) -> None:
    request_type: type[Request] = options.request
    given = {
        name: packed(Path(value)) if request_type.shown(name).picture else value
        for name in request_type.model_fields
        if (value := getattr(options, name)) is not None
    }
    request = request_type.ask(**given)
    bar = tqdm(file=sys.stderr, leave=False, disable=None)
    for event in Engine.default(batching=False).run(request, model=options.model):
        if isinstance(event, Progress):
            bar.total, bar.n = event.total, event.step
            bar.set_description(event.note.say(options.lang), refresh=event.step > 0)
        elif isinstance(event, Preview):
            bar.n = event.step
            bar.refresh()
        elif isinstance(event, Result):
            bar.close()
            with writable(options.out):
                files = write(event.artifacts, options.out)
            print(*files, sep="\n")
            return
    raise InvalidRequest(Text("The run ended without a result.", "运行没有得到结果。"))


def packed(path: Path) -> str:
    """The digit in a picture file, as requests carry it."""
    if not path.is_file():
        raise UnreadableFile(
            Text("There is no file called {name}.", "没有名为 {name} 的文件。"), name=path
        )
    return pack(read_digit(path))
