"""Between two lines over HTTP: the walk, lines of several generators, and bad input."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aigc_core.catalog import Catalog
from aigc_core.catalog_model import CatalogModel
from aigc_core.engine import Engine
from aigc_core.errors import InvalidRequest
from aigc_core.loader import Loader
from aigc_core.tasks import SampleVerse, WalkVerse
from apps.text.between import BETWEEN
from tests.apps.visiting import Client
from tests.families import test_text_vae, test_verse_sampler
from tests.families.test_text_vae import FIVE, OTHER, SEVEN
from tests.reading_room import asked_by_the_page, suite, url  # noqa: F401

pytestmark = pytest.mark.usefixtures("quiet")
DEMOS = (BETWEEN,)
VAE, START, GAN = "small-vae", "small-start", "small-gan"
Visitor = Callable[..., Client]


@pytest.fixture(scope="module")
def small_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The engine that the page asks: a text VAE, and two generators of lines."""
    home = tmp_path_factory.mktemp("models")
    generators = [test_verse_sampler.saved(home / name) for name in (START, GAN)]
    vae = test_text_vae.saved(home / VAE).model_copy(update={"id": VAE})
    catalog = Catalog([vae, *generators])
    ours = Engine(catalog, Loader(lambda model: CatalogModel(catalog.find(model))))
    with asked_by_the_page(ours) as made:
        yield made


def test_a_walk_begins_and_ends_with_what_the_model_reads(visitor: Visitor) -> None:
    kind, (page, status) = visitor().ask("text_walk_verse", line=FIVE, line_to=SEVEN, steps=5)
    assert kind == "complete"
    verse = page.split('class="verse"')[1].split("</div>")[0]
    lengths = [len(line) for line in re.findall("<span>(.*?)</span>", verse)]
    assert (lengths[0], len(lengths), lengths[-1]) == (5, 5, 7)
    assert "download=" in page
    assert status == ""


@pytest.mark.parametrize("line", ["", None, 7, "月" * 10_000])
def test_what_is_no_line_is_refused_in_a_sentence(visitor: Visitor, line: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        WalkVerse.ask(line=line, line_to=OTHER)
    said = visitor("zh-CN").refusal("text_walk_verse", line=line, line_to=OTHER)
    assert said == caught.value.text.zh


@pytest.mark.parametrize("line", ["床前明月光", "abcde", "明月", "<b>"])
def test_a_line_that_the_model_cannot_read_is_told_where_it_would_stand(
    visitor: Visitor, line: str
) -> None:
    kind, (page, *_) = visitor("zh-CN").ask("text_walk_verse", line=line, line_to=OTHER)
    assert kind == "complete"
    assert 'class="notice"' in page


def test_every_generator_draws_lines(visitor: Visitor) -> None:
    kind, panes = visitor().ask("text_sample_verse", count=6, seed=4)
    assert kind == "complete"
    lists = [pane.count("<li>") for pane in panes if "<ol" in pane]
    assert lists == [6, 6, 6]
    assert panes == visitor().ask("text_sample_verse", count=6, seed=4)[1]


@pytest.mark.parametrize("values", [{"count": 0}, {"count": 10**6}, {"temperature": "hot"}])
def test_bad_wishes_for_lines(visitor: Visitor, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SampleVerse.ask(**values)
    assert visitor("zh-CN").refusal("text_sample_verse", **values) == caught.value.text.zh
