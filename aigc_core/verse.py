"""What makes a quatrain (绝句): four lines of five or of seven characters, and a rhyme."""

import re

from aigc_core import rhyme
from aigc_core.text import Text

LINES = 4
LENGTHS = (5, 7)
# What ends the lines, in order.
ENDS = "，。，。"
CHINESE = "〇\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
MARKS = "，。、；：？！,.;:?!"
# Of a quatrain of 28 characters and its punctuation, where a character takes three.
TOKENS = 128
# Of a form with which nothing is wrong.
KEPT = "kept"

COUNT = Text("Lines: {count} instead of 4.", "共 {count} 句，应为 4 句。")
LENGTH = Text(
    "Line {line}: {count} characters instead of {wanted}.",
    "第 {line} 句有 {count} 字，应为 {wanted} 字。",
)
STRANGE = Text(
    "Line {line} holds something other than Chinese characters.", "第 {line} 句含有非汉字字符。"
)
PUNCTUATION = Text(
    "Line {line} ends with “{mark}” instead of “{wanted}”.",
    "第 {line} 句以“{mark}”结尾，应为“{wanted}”。",
)
FIVE_OR_SEVEN = Text("5 or 7", "5 或 7")
NO_MARK = Text("Line {line} ends without “{wanted}”.", "第 {line} 句末尾缺少“{wanted}”。")


def lines(poem: str) -> list[tuple[str, str]]:
    """Each line and the punctuation that ends it; spaces and line ends mean nothing."""
    found = re.findall(f"([^{MARKS}]*)([{MARKS}]|$)", "".join(poem.split()))
    return [(line, mark) for line, mark in found if line or mark]


def form_problem(poem: str, form: int | None = None) -> Text | None:
    """What is wrong with the form of a quatrain, the first of it; None where it is kept.

    Args:
        poem: such as `a，b。c，d。`, on one line or on several.
        form: how many characters a line is to have, 5 or 7; None lets the first line say.
    """
    found = lines(poem)
    if len(found) != LINES:
        return COUNT.fill(count=len(found))
    first = len(found[0][0])
    wanted = form or (first if first in LENGTHS else None)
    for number, ((line, mark), end) in enumerate(zip(found, ENDS, strict=True), start=1):
        if len(line) != wanted:
            return LENGTH.fill(line=number, count=len(line), wanted=wanted or FIVE_OR_SEVEN)
        if not re.fullmatch(f"[{CHINESE}]*", line):
            return STRANGE.fill(line=number)
        if mark != end:
            problem = PUNCTUATION if mark else NO_MARK
            return problem.fill(line=number, mark=mark, wanted=end)
    return None


def rhymes(poem: str) -> bool:
    """Whether the second and the fourth of four lines rhyme."""
    found = [line for line, _ in lines(poem)]
    if len(found) != LINES or not (found[1] and found[3]):
        return False
    return rhyme.rhyme(found[1][-1], found[3][-1])


def told(poem: str, form: int | None = None) -> dict[str, str | bool]:
    """What a record tells of a quatrain: `form`, kept or what is wrong with it, and `rhyme`."""
    problem = form_problem(poem, form)
    return {"form": problem.en if problem else KEPT, "rhyme": rhymes(poem)}


def in_lines(poem: str) -> str:
    """A poem with each line below the other."""
    whole = "\n".join(line.strip() for line in poem.splitlines() if line.strip())
    return re.sub(f"([{MARKS}])(?=.)", r"\1\n", whole)
