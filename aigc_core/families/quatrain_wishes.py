"""What a visitor wishes of a quatrain, as far as no model is needed to judge it."""

from aigc_core.errors import InvalidRequest
from aigc_core.tasks.verse import ComposePoem
from aigc_core.text import Text
from aigc_core.verse import LINES, MARKS

LONG_LINE = Text(
    "The first line has {count} characters, but a line of this form has {form}.",
    "首句有 {count} 字，但此句式每句 {form} 字。",
)
MANY_HEADS = Text(
    "A quatrain has four lines, but {count} acrostic characters were given.",
    "绝句只有四句，却给了 {count} 个藏头字。",
)
DISAGREE = Text(
    "The first line begins with “{line}”, but the first acrostic character is “{head}”.",
    "首句以“{line}”开头，但第一个藏头字是“{head}”。",
)
NO_END = Text(
    "Which character must rhyme is known only in a fixed form: switch on “Keep the form”, too.",
    "只有严守格式时才知道哪个字该押韵，请同时选择“严守格式”。",
)


def wishes_of(request: ComposePoem) -> tuple[str, str]:
    """The first line and the acrostic that are wished for, without blanks and punctuation.

    Raises:
        InvalidRequest: they are too long, or at odds with each other or with the form.
    """
    line = "".join(request.first_line.split()).rstrip(MARKS)
    heads = "".join(c for c in request.heads if not c.isspace() and c not in MARKS)
    if request.rhyming and not request.keep_form:
        raise InvalidRequest(NO_END)
    if len(line) > int(request.form):
        raise InvalidRequest(LONG_LINE, count=len(line), form=request.form)
    if len(heads) > LINES:
        raise InvalidRequest(MANY_HEADS, count=len(heads))
    if line and heads and line[0] != heads[0]:
        raise InvalidRequest(DISAGREE, line=line[0], head=heads[0])
    return line, heads
