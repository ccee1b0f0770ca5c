import json
import logging
import shlex
from typing import Any

import pytest

from aigc_core.log import note, value_of

logger = logging.getLogger("tests.log")


def test_a_line_is_an_event_and_its_facts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tests.log")
    note(logger, "loaded", model="sd-turbo", device="cuda:0", seconds=3.14159, bytes=10)
    (record,) = caplog.records
    assert record.message == "loaded model=sd-turbo device=cuda:0 seconds=3.14 bytes=10"
    assert record.levelno == logging.INFO


def test_a_fact_may_be_called_like_anything(caplog: pytest.LogCaptureFixture) -> None:
    note(logger, "odd", logging.WARNING, event="this", logger="that")
    assert caplog.records[0].message == "odd event=this logger=that"


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        ("plain", "plain"),
        ("模型", "模型"),
        ("two words", '"two words"'),
        ('a "quote"', '"a \\"quote\\""'),
        ("a=b", '"a=b"'),
        ("", '""'),
        ("two\nlines", '"two\\nlines"'),
        (None, "None"),
        (0.00012345, "0.000123"),
        (12, "12"),
    ],
)
def test_values(fact: Any, said: str) -> None:
    assert value_of(fact) == said
    assert "\n" not in said


def test_programs_can_read_it_back(caplog: pytest.LogCaptureFixture) -> None:
    facts = {"why": 'it "failed"\nand = again', "model": "a b", "plain": "x"}
    note(logger, "failed", logging.ERROR, **facts)
    event, rest = caplog.records[0].message.split(" ", 1)
    found = {}
    while rest:
        name, rest = rest.split("=", 1)
        if rest.startswith('"'):
            value, length = json.JSONDecoder().raw_decode(rest)
        else:
            value = shlex.split(rest)[0]
            length = len(value)
        found[name], rest = value, rest[length:].lstrip()
    assert (event, found) == ("failed", facts)


def test_nothing_is_made_of_what_is_not_logged() -> None:
    class Costly:
        def __str__(self) -> str:
            raise AssertionError("it was made into text")

    logger.setLevel(logging.WARNING)
    note(logger, "quiet", fact=Costly())
    logger.setLevel(logging.NOTSET)
