import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from aigc_core.errors import UnreadableFile
from aigc_core.metrics.card import Card, Dataset, Figure, Rung, read_card, write_card
from aigc_core.metrics.judge import FOLDER

CARD = Card(
    model="small-gan",
    task="unconditional-image-generation",
    licence="apache-2.0",
    dataset=Dataset("ylecun/mnist", "MNIST"),
    figures=(
        Figure("fid", 0.78125, 0.194, {"n": 5000, "seed": 0, "feature_net": "sha256:1"}),
        Figure("class_distance", 1e-05, 0.01, {"n": 5000, "shares": [0.1, 0.9]}),
        Figure("accuracy", 0.9966, None, {"n": 10_000}, split="test"),
    ),
    ladder=(
        Rung("untouched", 0.194, {"n": 5000}),
        Rung("missing", 4.9, {"n": 4489}),
    ),
    text="# small-gan\n\nWords: “数字”.",
)


def test_what_is_written_is_read(tmp_path: Path):
    write_card(tmp_path, CARD)
    assert read_card(tmp_path) == CARD


def test_figures_are_found_by_name(tmp_path: Path):
    write_card(tmp_path, CARD)
    card = read_card(tmp_path)
    fid = card.figure("fid")
    assert fid is not None
    assert (fid.value, fid.floor, fid.args["n"]) == (0.78125, 0.194, 5000)
    assert card.figure("recall") is None


def test_the_hub_reads_the_front_matter(tmp_path: Path):
    data = ModelCard.load(write_card(tmp_path, CARD)).data
    assert data.model_name == "small-gan"
    assert data.datasets == ["ylecun/mnist"]
    values = [(r.metric_type, r.metric_config, r.metric_value) for r in data.eval_results]
    assert ("fid", None, 0.78125) in values
    assert ("fid", "missing", 4.9) in values


def test_writing_twice_gives_the_same_bytes(tmp_path: Path):
    first = write_card(tmp_path, CARD).read_bytes()
    assert write_card(tmp_path, read_card(tmp_path)).read_bytes() == first


def test_a_missing_card_is_named_with_its_command(tmp_path: Path):
    with pytest.raises(UnreadableFile, match=r"python -m aigc_core\.metrics"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["# no front matter", "---\nlicense: mit\n---\n", "---\n[1, 2\n---\n", "---\n- a\n---\n"],
)
def test_a_damaged_card_is_refused(content: str, tmp_path: Path):
    (tmp_path / "README.md").write_text(content, "utf-8")
    with pytest.raises(UnreadableFile, match="damaged"):
        read_card(tmp_path)


def test_the_judges_card_has_the_whole_ladder():
    card = read_card(FOLDER)
    untouched = [rung for rung in card.ladder if rung.step == "untouched"]
    assert [rung.args["n"] for rung in untouched] == [200, 500, 1000, 2000, 5000, 10_000]
    assert len({rung.step for rung in card.ladder}) == 8


def test_reading_cards_imports_no_torch():
    code = (
        "import sys, aigc_core.metrics, aigc_core.metrics.card, aigc_core.metrics.glossary;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
