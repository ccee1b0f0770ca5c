import json
import pickle
import struct
import tracemalloc
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from aigc_core.checkpoint import (
    CONFIG,
    WEIGHTS,
    count_weights,
    digest,
    load_network,
    read_config,
    read_shapes,
)
from aigc_core.errors import ModelUnavailable


class Small(nn.Module):
    """A network that knows its settings."""

    def __init__(self, *, width: int, classes: int = 3) -> None:
        super().__init__()
        if width == 13:
            raise ValueError("an unlucky width")
        self.layer = nn.Linear(width, classes)
        self.norm = nn.BatchNorm1d(classes)
        self.train()


Tensors = dict[str, np.ndarray]
CONFIG_GIVEN = {"width": 4, "classes": 3}
NAMES = {np.dtype("<f4"): "F32", np.dtype("<f2"): "F16", np.dtype("<i8"): "I64"}


def tensors() -> Tensors:
    rng = np.random.default_rng(0)
    return {
        "layer.weight": rng.normal(size=(3, 4)).astype("<f4"),
        "layer.bias": rng.normal(size=3).astype("<f4"),
        "norm.weight": rng.normal(size=3).astype("<f4"),
        "norm.bias": rng.normal(size=3).astype("<f4"),
        "norm.running_mean": rng.normal(size=3).astype("<f4"),
        "norm.running_var": rng.normal(size=3).astype("<f4") ** 2,
        "norm.num_batches_tracked": np.array(7, "<i8"),
    }


def packed(values: Tensors, change: Callable[[dict[str, Any]], None] | None = None) -> bytes:
    """A safetensors file, written by hand: length of the header, header, values."""
    header: dict[str, Any] = {}
    data = b""
    for name, value in values.items():
        end = len(data) + value.nbytes
        header[name] = {
            "dtype": NAMES[value.dtype],
            "shape": list(value.shape),
            "data_offsets": [len(data), end],
        }
        data += value.tobytes()
    if change is not None:
        change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / CONFIG).write_text(json.dumps(CONFIG_GIVEN))
    (folder / WEIGHTS).write_bytes(packed(tensors()))
    return folder


def refusal(folder: Path, **settings: Any) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        load_network(Small, folder, **settings)
    error = caught.value
    assert "small" in error.text.en
    assert error.why.zh != error.why.en
    assert error.why.en in error.text.en
    return error.why.en


def test_a_whole_checkpoint_is_read(folder: Path):
    network = load_network(Small, folder, digest(folder / WEIGHTS))
    assert not network.training
    assert not any(weight.requires_grad for weight in network.parameters())
    state = network.state_dict()
    for name, value in tensors().items():
        assert np.array_equal(state[name].numpy(), value), name


def test_half_weights_become_float32(folder: Path):
    halves = {n: v.astype("<f2") if v.dtype == "<f4" else v for n, v in tensors().items()}
    (folder / WEIGHTS).write_bytes(packed(halves))
    state = load_network(Small, folder).state_dict()
    for name, value in halves.items():
        assert state[name].dtype is (torch.float32 if value.dtype == "<f2" else torch.int64)
        assert np.array_equal(state[name].numpy(), value.astype(state[name].numpy().dtype))


def test_digest_is_the_hash_of_the_file(folder: Path):
    content = (folder / WEIGHTS).read_bytes()
    assert digest(folder / WEIGHTS) == "sha256:" + sha256(content).hexdigest()


def test_shapes_are_read_from_the_header(folder: Path):
    assert read_shapes(folder) == {name: value.shape for name, value in tensors().items()}


def test_weights_are_counted_without_statistics(folder: Path):
    assert count_weights(folder) == 12 + 3 + 3 + 3


@pytest.mark.parametrize("name", list(tensors()))
def test_a_missing_tensor_is_refused(name: str, folder: Path):
    rest = tensors()
    del rest[name]
    (folder / WEIGHTS).write_bytes(packed(rest))
    assert name in refusal(folder)


def test_an_unknown_tensor_is_refused(folder: Path):
    (folder / WEIGHTS).write_bytes(packed({**tensors(), "layer.extra": np.zeros(2, "<f4")}))
    assert "layer.extra" in refusal(folder)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4, 1), (12,), (1, 4)])
def test_a_misshapen_tensor_is_refused(shape: tuple[int, ...], folder: Path):
    wrong = {**tensors(), "layer.weight": np.zeros(shape, "<f4")}
    (folder / WEIGHTS).write_bytes(packed(wrong))
    assert "layer.weight" in refusal(folder)


def test_many_wrong_tensors_are_cut_short(folder: Path):
    (folder / WEIGHTS).write_bytes(packed({f"t{i}": np.zeros(1, "<f4") for i in range(1000)}))
    assert "…" in refusal(folder)
    assert len(refusal(folder)) < 200


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({"width": 4}, ["classes"]),
        ({"classes": 3}, ["width"]),
        ({}, ["classes", "width"]),
        ({"width": 4, "classes": 3, "depth": 2}, ["depth"]),
        ({"width": 4, "Classes": 3}, ["Classes", "classes"]),
    ],
)
def test_settings_must_be_those_of_the_network(
    config: dict[str, int], names: list[str], folder: Path
):
    (folder / CONFIG).write_text(json.dumps(config))
    assert ", ".join(names) in refusal(folder)


@pytest.mark.parametrize(
    "width", ["4", None, [4], {"a": 1}, -1, 13, 10**15, 4.5], ids=lambda width: repr(width)
)
def test_settings_of_which_no_network_can_be_made_are_refused(width: Any, folder: Path):
    (folder / CONFIG).write_text(json.dumps({"width": width, "classes": 3}))
    assert "config.json" in refusal(folder)


def test_settings_of_another_size_are_refused(folder: Path):
    (folder / CONFIG).write_text(json.dumps({"width": 5, "classes": 3}))
    assert "layer.weight" in refusal(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b'"a"', b"{'a': 1}"]
)
def test_a_config_that_is_no_object_is_refused(content: bytes, folder: Path):
    (folder / CONFIG).write_bytes(content)
    assert "JSON" in refusal(folder)
    with pytest.raises(ModelUnavailable):
        read_config(folder)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_missing_file_is_named(name: str, folder: Path):
    (folder / name).unlink()
    assert name in refusal(folder)


def test_a_missing_folder_is_told_by_its_first_file(folder: Path):
    assert CONFIG in refusal(folder.parent / "nowhere" / "small")


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_folder_in_place_of_a_file_is_refused(name: str, folder: Path):
    (folder / name).unlink()
    (folder / name).mkdir()
    refusal(folder)


def test_weights_of_another_revision_are_refused(folder: Path):
    revision = digest(folder / WEIGHTS)
    changed = tensors()
    changed["layer.bias"][0] += 1
    (folder / WEIGHTS).write_bytes(packed(changed))
    assert "not those that the catalog names" in refusal(folder, revision=revision)
    load_network(Small, folder)


class Harm:
    """What runs code when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("writer", [pickle.dumps, "torch"])
def test_a_pickle_is_refused_unopened(writer: Any, folder: Path, tmp_path: Path):
    mark = tmp_path / "harmed"
    if writer == "torch":
        torch.save(Harm(mark), folder / WEIGHTS)
    else:
        (folder / WEIGHTS).write_bytes(writer(Harm(mark)))
    assert "damaged" in refusal(folder)
    with pytest.raises(ModelUnavailable, match="damaged"):
        read_shapes(folder)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Harm(mark)))
    assert mark.exists()


def lie_of_shape(header: dict[str, Any]) -> None:
    header["layer.weight"]["shape"] = [3, 10**9]


def lie_of_overflow(header: dict[str, Any]) -> None:
    header["layer.weight"]["shape"] = [2**40, 2**40]


def lie_of_sign(header: dict[str, Any]) -> None:
    header["layer.weight"]["shape"] = [-3, -4]


def lie_of_place(header: dict[str, Any]) -> None:
    header["layer.weight"]["data_offsets"] = [0, 2**40]


def lie_of_overlap(header: dict[str, Any]) -> None:
    header["layer.bias"]["data_offsets"] = [0, 12]


def lie_of_kind(header: dict[str, Any]) -> None:
    header["layer.weight"]["dtype"] = "F64"


def lie_of_unknown_kind(header: dict[str, Any]) -> None:
    header["layer.weight"]["dtype"] = "Q7"


LIES = [
    lie_of_shape,
    lie_of_overflow,
    lie_of_sign,
    lie_of_place,
    lie_of_overlap,
    lie_of_kind,
    lie_of_unknown_kind,
]
GOOD = packed(tensors())
DAMAGED = {
    "empty": b"",
    "short": b"\x10\0",
    "header of 2^40": struct.pack("<Q", 2**40) + GOOD[8:],
    "header of 2^63": struct.pack("<Q", 2**63) + GOOD[8:],
    "header beyond the end": struct.pack("<Q", len(GOOD)) + GOOD[8:],
    "cut off": GOOD[:-1],
    "too long": GOOD + b"\0",
    "no json": struct.pack("<Q", 4) + b"{{{{",
    "not utf-8": struct.pack("<Q", 4) + b"\xff\xfe\xfd\xfc",
    **{lie.__name__: packed(tensors(), lie) for lie in LIES},
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_damaged_weights_are_refused(content: bytes, folder: Path):
    (folder / WEIGHTS).write_bytes(content)
    tracemalloc.start()
    try:
        assert "damaged" in refusal(folder)
        with pytest.raises(ModelUnavailable, match="damaged"):
            read_shapes(folder)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
