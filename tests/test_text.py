import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import pytest

from aigc_core import errors
from aigc_core.errors import AigcError
from aigc_core.text import LANGUAGES, Text

ROOT = Path(__file__).parents[1]
SOURCES = [path for room in ("aigc_core", "apps") for path in sorted((ROOT / room).rglob("*.py"))]
HAN = re.compile(r"[\u4e00-\u9fff]")
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, AigcError)
}


class Written(NamedTuple):
    """A Text in a source file, and the names that it is filled with there, where that is seen."""

    place: str
    en: str
    zh: str
    filled: frozenset[str] | None


def string(node: ast.expr) -> str | None:
    """A string as it is written, what an f-string computes as ‹code›; None for other code."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            f"‹{ast.unparse(part.value)}›"
            if isinstance(part, ast.FormattedValue)
            else str(string(part))
            for part in node.values
        )
    return None


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Text"


def fillings(tree: ast.AST) -> dict[ast.AST, frozenset[str]]:
    """For each Text that is filled where it is written: with which names."""
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "fill":
            found[node.func.value] = names
        elif isinstance(node.func, ast.Name) and node.func.id in ERRORS | {"AigcError"}:
            found.update({text: names for text in node.args if is_text(text)})
    return found


def written() -> Iterator[Written]:
    for path in SOURCES:
        tree = ast.parse(path.read_text("utf-8"))
        filled = fillings(tree)
        for node in filter(is_text, ast.walk(tree)):
            assert isinstance(node, ast.Call)
            if any(keyword.arg is None for keyword in node.keywords):
                continue  # Read from a file; see `in_files`.
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            assert len(node.args) == 2, f"{place} does not give both languages side by side"
            assert not node.keywords, place
            en, zh = map(string, node.args)
            if en is not None and zh is not None:
                yield Written(place, en, zh, filled.get(node))


def pairs(value: Any) -> Iterator[tuple[str, str]]:
    """All tables with `en` and `zh` in the content of a TOML file."""
    if isinstance(value, dict):
        if {"en", "zh"} & value.keys():
            yield value["en"], value["zh"]
        else:
            yield from pairs(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            yield from pairs(item)


def in_files() -> Iterator[Written]:
    for path in [path for room in ("aigc_core", "apps") for path in (ROOT / room).rglob("*.toml")]:
        for en, zh in pairs(tomllib.loads(path.read_text("utf-8"))):
            yield Written(f"{path.relative_to(ROOT)}: {en}", en, zh, None)


ALL = [*written(), *in_files()]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def computed(text: str) -> set[str]:
    return set(re.findall(r"‹(.+?)›", text))


def test_there_are_texts_to_look_at():
    assert len(ALL) > 100


def test_every_text_speaks_both_languages():
    for text in ALL:
        assert bool(text.en.strip()) == bool(text.zh.strip()), text.place
        assert not HAN.search(text.en) or text.en == text.zh, text.place


def test_chinese_is_chinese_unless_it_is_a_name():
    for text in ALL:
        spoken = re.sub(r"\{.*?\}|‹.*?›|`.*?`", "", text.zh)
        words = re.search(r"[^\W\d_]", spoken)
        assert not words or HAN.search(text.zh) or text.zh == text.en, text.place


def test_sentences_are_translated():
    same = [t for t in ALL if t.en == t.zh and not computed(t.en) and len(t.en.split()) > 4]
    assert not [t.place for t in same]


def test_placeholders_agree():
    for text in ALL:
        assert placeholders(text.en) == placeholders(text.zh), text.place


def test_computed_parts_agree():
    for text in ALL:
        en, zh = ({re.sub(r"'.*?'", "", part) for part in computed(t)} for t in text[1:3])
        assert en == zh, text.place


def test_every_placeholder_is_filled_and_nothing_else():
    seen = [text for text in ALL if text.filled is not None]
    assert len(seen) > 15
    for text in seen:
        assert placeholders(text.en) == text.filled, text.place


def test_say():
    text = Text("paper", "纸")
    assert [text.say(language) for language in LANGUAGES] == ["paper", "纸"]


def test_fill_says_a_text_in_each_language():
    filled = Text("{n} of {what}", "{what}共 {n}").fill(n=3, what=Text("sheets", "张"))
    assert filled == Text("3 of sheets", "张共 3")


def test_fill_leaves_braces_of_values_alone():
    assert Text("<{x}>", "《{x}》").fill(x="{y} {} {0}") == Text("<{y} {} {0}>", "《{y} {} {0}》")


def test_fill_needs_all_values():
    with pytest.raises(KeyError):
        Text("{a} {b}", "{b} {a}").fill(a=1)
