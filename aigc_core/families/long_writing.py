"""A long text by parts: first the outline, then section by section, the text so far in view.

A model that writes all at once loses the thread or ends early. With an outline before it, each part
is a short text that knows its place (Yang et al. 2022, https://arxiv.org/abs/2210.06774).
"""

import re
from collections.abc import Callable, Generator

from aigc_core.events import FamilyEvent, Preview
from aigc_core.families import chat_prompts
from aigc_core.families.asking import Chatter, Said
from aigc_core.families.chat_prompts import language_of
from aigc_core.media import Writing
from aigc_core.tasks.base import next_seed
from aigc_core.tasks.writing import WriteText
from aigc_core.text import Text

OUTLINING = Text("writing the outline", "正在列提纲")
SECTION = Text("writing part {place} of {count}", "正在写第 {place} 部分，共 {count} 部分")
PART = Text("Part {place}", "第 {place} 部分")
# A title and its number take less than this many tokens, and a title so many characters.
TITLE, LONGEST = 32, 80

# How a line of an outline begins: 1. or (1) or 一、 or - or ##.
NUMBER = re.compile(
    r"^\W*(?:(?:part|section|stanza|scene|act)\s+)?(?:\d+|[IVX]+(?=[.:)]))\s*[.:)、：．]*\s*"
    r"|^\W*第?\s*[\d一二三四五六七八]+\s*(?:部分|[节章幕场])?\s*[、.：:．]\s*",
    re.IGNORECASE,
)
MARKS = " \t#*_-–—•“”\"'《》「」"


def write_by_parts(
    chatter: Chatter, request: WriteText
) -> Generator[FamilyEvent, None, tuple[Said, list[str]]]:
    """All parts, each of up to `tokens` tokens, and the outline's titles.

    Each preview holds the whole text so far. A part starts from a seed of its own.
    """
    said = yield from chatter.ask(
        chat_prompts.outline(request), request, TITLE * (request.parts + 1), note=OUTLINING
    )
    titles = titles_of(said.writing.text, request)
    bodies, parts = list[str](), list[Said]()
    for place, title in enumerate(titles):
        so_far = joined(bodies, titles, request)
        wish = chat_prompts.section(request, titles, place, so_far)
        sampling = request.model_copy(update={"seed": next_seed(request.seed, place + 1)})
        part = yield from chatter.ask(
            wish,
            sampling,
            request.tokens,
            shown=beside(bodies, titles, request),
            note=SECTION.fill(place=place + 1, count=len(titles)),
        )
        parts.append(part)
        bodies.append(body_of(part.writing.text, title))
        yield Preview(Writing(joined(bodies, titles, request)), step=place + 1)
    thoughts = (one.writing.thinking for one in (said, *parts))
    whole = Writing(joined(bodies, titles, request), "\n\n".join(filter(None, thoughts)))
    return Said(whole, details_of(parts), said.tolerance), titles


def titles_of(text: str, request: WriteText) -> list[str]:
    """The titles that an outline names, one for each part; those that it lacks are numbered."""
    lines = (line.strip() for line in text.splitlines())
    named = [title for line in lines if (title := NUMBER.sub("", line).strip(MARKS))]
    numbered = [
        title
        for line in text.splitlines()
        if NUMBER.match(line) and (title := NUMBER.sub("", line.strip()).strip(MARKS))
    ]
    # Around the lines of an outline models may say what they do.
    found = (numbered if len(numbered) >= request.parts else named)[: request.parts]
    found = [title[:LONGEST] for title in found]
    language = language_of(request.brief)
    return [*found, *(PART.fill(place=place + 1).say(language)
                      for place in range(len(found), request.parts))]  # fmt: skip


def beside(
    bodies: list[str], titles: list[str], request: WriteText
) -> Callable[[Writing], Writing]:
    """The preview of a part: the whole text so far."""
    done = list(bodies)

    def shown(part: Writing) -> Writing:
        title = titles[len(done)]
        # What may still become the title is held back.
        body = "" if title.startswith(part.text.strip(MARKS)) else body_of(part.text, title)
        return Writing(joined([*done, body], titles, request), part.thinking)

    return shown


def body_of(text: str, title: str) -> str:
    """A part without its title, which models like to repeat."""
    first, _, rest = text.strip().partition("\n")
    heads = (first.strip(MARKS + ":："), NUMBER.sub("", first).strip(MARKS + ":："))
    return rest.strip() if title in heads else text.strip()


def joined(bodies: list[str], titles: list[str], request: WriteText) -> str:
    """The text so far, each part under its title; those of a poem are stanzas."""
    if request.genre == "poem":
        return "\n\n".join(bodies)
    pairs = zip(titles, bodies, strict=False)  # Not all parts may be written yet.
    return "\n\n".join(f"{title}\n\n{body}" for title, body in pairs)


def details_of(parts: list[Said]) -> dict[str, object]:
    """What the record says of all parts together."""
    details = dict(parts[-1].details)
    for name in ("prompt_tokens", "tokens", "cut"):
        if any(name in part.details for part in parts):
            details[name] = sum(part.details.get(name, 0) for part in parts)
    if any(part.details.get("ended") == "at the limit" for part in parts):
        details["ended"] = "at the limit"
    return details
