"""A plugin: stand-ins that were downloaded from a hub on loopback, as catalog entries."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aigc_core.catalog import Entry
from aigc_core.hub.snapshot import fetch
from tests.hub.fixtures import SETTINGS
from tests.hub.server import HubServer

pytest_plugins = ("tests.stand_ins",)

FAMILIES = {
    "qwen3": "chat_lm",
    "thinker": "chat_lm",
    "gpt2": "causal_lm",
    "marian-en-zh": "marian",
    "marian-zh-en": "marian",
    "t5": "t5",
}
Downloaded = Callable[[str], Entry]


def entry_of(name: str, commit: str, family: str = "", **changes: object) -> Entry:
    """A catalog entry of a stand-in at this commit."""
    fields = {
        "id": name,
        "title": {"en": f"{name}, random weights", "zh": f"{name}，随机权重"},
        "about": {"en": "A stand-in.", "zh": "替身模型。"},
        "family": f"aigc_core.families.{family or FAMILIES.get(name, 'text_to_image')}",
        "origin": "hub",
        "folder": Path("nowhere"),
        "repo": f"stand-ins/{name}",
        "revision": commit,
        "licences": {"weights": "Apache-2.0", "data": "none"},
        **changes,
    }
    return Entry.model_validate(fields)


@pytest.fixture(scope="module")
def downloaded(
    tmp_path_factory: pytest.TempPathFactory, stand_in: Callable[[str], Path]
) -> Iterator[Downloaded]:
    """Downloads a stand-in by its name into a cache of the module's own, once."""
    entries: dict[str, Entry] = {}
    with pytest.MonkeyPatch.context() as patch, HubServer() as hub:
        for name in SETTINGS:
            patch.delenv(name, raising=False)
        home = tmp_path_factory.mktemp("hf")
        patch.setenv("HF_HOME", str(home))
        patch.setenv("HF_TOKEN_PATH", str(home / "token"))
        patch.setenv("HF_ENDPOINT", hub.endpoint)

        def download(name: str) -> Entry:
            if name not in entries:
                commit = hub.add(f"stand-ins/{name}", stand_in(name))
                entry = entry_of(name, commit)
                fetch(entry.source)
                entries[name] = entry
            return entries[name]

        yield download
