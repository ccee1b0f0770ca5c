"""Character models of Tang quatrains: they compose one, freely or within its form."""

from collections.abc import Callable, Generator
from typing import Any

from aigc_core import verse
from aigc_core.catalog import Entry
from aigc_core.errors import ModelUnavailable
from aigc_core.events import FamilyEvent, Finished, Output
from aigc_core.families import Answer, char_lm, char_model
from aigc_core.families.char_model import CharModel, Events, Prompt, form_of, write
from aigc_core.families.char_play import check_genre
from aigc_core.families.characters import COMMA, END, STOP
from aigc_core.families.poem_search import find
from aigc_core.families.quatrain_plan import Plan
from aigc_core.families.token_sampling import sampler
from aigc_core.media import Writing
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.text import Sampling
from aigc_core.tasks.verse import ComposePoem, FindPoems
from aigc_core.tasks.writing import WriteText
from aigc_core.text import Text

NO_VERSE = Text(
    "its vocabulary does not begin with the signs of a quatrain's form.",
    "其词表开头没有绝句格式的标记。",
)
POEM_ALONE = Text(
    "This model has read nothing but quatrains: choose “{own}” instead of “{genre}”.",
    "此模型只读过绝句：请选择“{own}”，而不是“{genre}”。",
)


def load(entry: Entry, placement: Placement, step: Callable[[], None]) -> CharModel:
    """The catalog's network on the placement's device.

    Raises:
        ModelUnavailable: there is no such network, its checkpoint does not fit, or it has not
            learned verse.
    """
    model = char_model.load(entry, placement, step)
    if not model.alphabet.verse:
        raise ModelUnavailable(entry.id, NO_VERSE)
    return model


def compose(model: CharModel, request: ComposePoem) -> Events:
    """A quatrain; each `Preview` is it as far as it is written."""
    plan = Plan.of(model, request)
    # Given characters alone narrow the choice.
    wish = Sampling(temperature=request.temperature, top_p=1.0, seed=request.seed)
    poem, details = yield from composed(model, plan, wish, plan.limit)
    details["left_out"] = ""
    yield Finished((Output(Writing(poem), request.seed, details),))


def write_poem(model: CharModel, request: WriteText) -> Events:
    """A quatrain that begins with the brief, as far as the model knows its characters."""
    check_genre(request, "poem", POEM_ALONE)
    read = model.alphabet.something(request.brief)
    first = read.text.replace(STOP, COMMA).strip(COMMA).partition(COMMA)[0]
    form = form_of(first or read.text)
    plan = Plan(form, first[:form])
    poem, details = yield from composed(model, plan, request, request.tokens)
    details["left_out"] = read.left_out
    yield Finished((Output(Writing(poem), request.seed, details),))


def composed(
    model: CharModel, plan: Plan, wish: Sampling, most: int
) -> Generator[FamilyEvent, None, tuple[str, dict[str, Any]]]:
    """Writes a poem by a plan; returns its lines, one below the other, and what is to tell of it.

    Args:
        most: characters to write beside those that it begins with.
    """
    prompt = Prompt(model.alphabet.encode(plan.sign + plan.beginning), "", signs=1)
    limit = max(1, min(most, plan.limit - len(plan.beginning)))
    written = yield from write(
        model,
        prompt,
        plan.bind(model, sampler(wish)),
        limit,
        stop=END,
        show=lambda text: verse.in_lines(plan.beginning + text),
    )
    text = plan.beginning + written.text
    poem = verse.in_lines(text)
    full = plan.keep_form and len(text) == plan.limit
    return poem, {
        **verse.told(poem, plan.form),
        "chosen": len(plan.given),
        "ended": "by itself" if written.ended or full else "at the limit",
        # Places in the poem as it is shown.
        "given": sorted(place + ends(text[:place]) for place in plan.given),
        "prompt_tokens": len(plan.beginning),
        "tokens": len(written.text),
    }


def ends(text: str) -> int:
    return text.count(COMMA) + text.count(STOP)


ANSWERS: dict[type[Request], Answer] = {
    **char_lm.COMMON,
    ComposePoem: compose,
    FindPoems: find,
    WriteText: write_poem,
}
