"""The translator's objective, and what ships beside its weights."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from aigc_core.checkpoint import CONFIG, WEIGHTS, digest_of, read_beside
from aigc_core.data.subwords import SPECIAL, UNKNOWN
from aigc_core.errors import InvalidRequest, ModelUnavailable
from aigc_core.models.seq2seq_transformer import Seq2SeqTransformer
from aigc_core.training.recipe import Optimiser, Recipe
from aigc_core.training.ship import read_settings, ship
from aigc_core.training.trainer import Trainer
from aigc_core.training.translation import NextWord, trimmed

pytest_plugins = ("tests.cores",)
pytestmark = pytest.mark.usefixtures("one_core")

WORDS = 40


def network(dropout: float = 0.0) -> Seq2SeqTransformer:
    torch.manual_seed(0)
    return Seq2SeqTransformer(
        words=WORDS, width=32, inner=32, layers=1, heads=2, dropout=dropout, longest=9
    )


def pairs(count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Sentences of many lengths and the same backwards, between signs."""
    rng = np.random.default_rng(0)
    sides = [np.full((count, 9), -1, np.int16) for _ in range(2)]
    for row in range(count):
        words = rng.integers(5, WORDS, 1 + row % 7).tolist()
        for side, numbers in zip(sides, ([3, *words, 1], [0, *words[::-1], 1]), strict=True):
            side[row, : len(numbers)] = numbers
    return sides[0], sides[1]


def batch() -> tuple[torch.Tensor, ...]:
    return tuple(torch.from_numpy(side) for side in pairs())


def loss(objective: NextWord, seed: int = 0) -> torch.Tensor:
    ((player, value),) = objective.step(batch(), torch.Generator().manual_seed(seed), 0)
    assert player == "model"
    return value


@pytest.mark.parametrize("parts", [1, 2, 5, 24])
def test_the_loss_is_the_cross_entropy_of_every_word(parts: int):
    objective = NextWord(network(), smoothing=0.1, parts=parts)
    source, target = (side.long() for side in batch())
    logits = objective.players["model"](source, target[:, :-1])
    wanted = cross_entropy(
        logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=-1, label_smoothing=0.1
    )
    assert loss(objective).item() == pytest.approx(wanted.item(), abs=1e-5)


def test_parts_are_no_wider_than_their_longest_sentence():
    objective, widths = NextWord(network(), parts=4), list[int]()
    objective.players["model"].register_forward_pre_hook(
        lambda _, inputs: widths.append(inputs[0].shape[1])
    )
    loss(objective)
    assert widths == sorted(widths)
    assert widths[0] < widths[-1] == 9


def test_words_that_are_read_are_left_out_at_random_but_not_those_that_are_wanted():
    objective, seen = NextWord(network(), blank=0.5), list[torch.Tensor]()
    objective.players["model"].register_forward_pre_hook(lambda _, inputs: seen.extend(inputs))
    first, again, other = (loss(objective, seed).item() for seed in (0, 0, 1))
    assert first == again != other
    unknown = SPECIAL.index(UNKNOWN)
    source, before = seen[:2]
    for side in (source, before):
        assert not (side[:, 0] == unknown).any()
        share = (side[:, 1:] == unknown).sum() / (side[:, 1:] >= 0).sum()
        assert 0.3 < share < 0.7
    assert (source >= 0).sum() == (batch()[0] >= 0).sum()


def test_trimmed_rows_keep_all_that_is_there():
    rows = torch.tensor([[1, 2, -1, -1], [3, -1, -1, -1]])
    assert trimmed(rows).tolist() == [[1, 2], [3, -1]]


def test_it_learns():
    objective = NextWord(network(), smoothing=0.0, parts=2)
    optimiser = torch.optim.AdamW(objective.players["model"].parameters(), lr=5e-3)
    losses = []
    for _ in range(120):
        value = loss(objective)
        value.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(value.item())
    assert losses[0] > 3
    assert losses[-1] < 0.5


VOCABULARY = {"words.json": b"[1, 2]"}
RECIPE = Recipe(
    name="tiny",
    objective=lambda: NextWord(network(0.1), blank=0.2, parts=2),
    data=pairs,
    optimisers={"model": Optimiser(lr=1e-3)},
    ships="model",
    batch=8,
    steps=3,
    half=True,
    files=lambda: VOCABULARY,
)


def test_files_ship_beside_the_weights_which_know_them(tmp_path: Path):
    trainer = Trainer(RECIPE, tmp_path / "run", save_every=2, cpu=True)
    folder = ship(trainer.fit(), RECIPE, tmp_path / "shipped", trainer.settings())
    assert {file.name for file in folder.iterdir()} == {CONFIG, WEIGHTS, "words.json"}
    assert read_beside(folder, "words.json") == b"[1, 2]"
    told = read_settings(folder / WEIGHTS)
    assert told["words.json"] == digest_of(b"[1, 2]")
    assert told["batch"] == "8"
    assert "files" not in told
    assert json.loads((folder / CONFIG).read_text())["longest"] == 9


def test_a_run_does_not_go_on_with_another_vocabulary(tmp_path: Path):
    Trainer(RECIPE, tmp_path, save_every=2, cpu=True).fit()
    other = replace(RECIPE, files=lambda: {"words.json": b"[2, 1]"})
    with pytest.raises(InvalidRequest, match="words"):
        Trainer(other, tmp_path, cpu=True)


@pytest.mark.parametrize("change", ["other", "missing", "untold", "no weights", "damaged"])
def test_a_wrong_file_is_refused(change: str, tmp_path: Path):
    recipe = replace(RECIPE, files=dict) if change == "untold" else RECIPE
    folder = ship(network(), recipe, tmp_path / "shipped")
    match change:
        case "other":
            (folder / "words.json").write_bytes(b"[2, 1]")
        case "missing":
            (folder / "words.json").unlink()
        case "untold":
            (folder / "words.json").write_bytes(b"[1, 2]")
        case "no weights":
            (folder / WEIGHTS).unlink()
        case "damaged":
            (folder / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable) as caught:
        read_beside(folder, "words.json")
    name = WEIGHTS if change == "no weights" else "words.json"
    assert change == "damaged" or all(name in text for text in caught.value.text)
