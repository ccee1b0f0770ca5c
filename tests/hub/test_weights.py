"""What a model takes, from headers alone; and headers that lie."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from aigc_core.footprint import Part, footprint
from aigc_core.hub.errors import Corrupt, UnsafeRepository
from aigc_core.hub.header import LONGEST, BadHeader, header_length, read_header
from aigc_core.hub.snapshot import fetch
from aigc_core.hub.source import Source
from aigc_core.hub.weights import fetch_parts, read_parts
from tests.hub.models import REPO, names, pipeline, text_model, weights
from tests.hub.server import HubServer

KINDS = ("qwen3", "gpt2", "stable-diffusion", "sdxl", "flux")


def real_bytes(folder: Path) -> dict[str, int]:
    """Bytes of the parameters and buffers of each part, as the libraries load it."""
    import torch
    from diffusers import DiffusionPipeline
    from transformers import AutoModelForCausalLM

    if (folder / "model_index.json").exists():
        pipe = DiffusionPipeline.from_pretrained(folder, torch_dtype=torch.float32)
        modules = {n: m for n, m in pipe.components.items() if isinstance(m, torch.nn.Module)}
    else:
        modules = {"": AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)}
    return {
        name: sum(t.nbytes for t in (*module.parameters(), *module.buffers()))
        for name, module in modules.items()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_estimate_is_that_of_the_loaded_model(
    kind: str,
    stand_in: Callable[[str], Path],
    hub: HubServer,
) -> None:
    folder = stand_in(kind)
    parts = read_parts(folder)
    for name, actual in real_bytes(folder).items():
        (part,) = (part for part in parts if part.name == name)
        assert footprint([part], "float32").device == pytest.approx(actual, rel=0.05)
        assert 0 < part.layer <= part.numbers
        assert 0 < part.block < part.numbers
    source = Source(REPO, hub.add(REPO, folder))
    assert fetch_parts(source) == parts
    weights = sum(path.stat().st_size for path in folder.rglob("*.safetensors"))
    read = sum(min(100_000, p.stat().st_size) for p in folder.rglob("*.safetensors"))
    assert read <= weights
    assert read_parts(fetch(source)) == parts


def test_blocks_and_layers_are_told_by_names(tmp_path: Path) -> None:
    tensors = {
        "embed.weight": np.zeros((100, 8), np.float32),
        "layers.0.q.weight": np.zeros((8, 8), np.float16),
        "layers.0.q.bias": np.zeros(8, np.float16),
        "layers.1.mlp.0.weight": np.zeros((8, 20), np.float16),
        "layers.1.mlp.1.weight": np.zeros((20, 8), np.float16),
        "positions": np.zeros(50, np.int64),
        "packed": np.zeros(30, np.uint8),
    }
    save_file(tensors, tmp_path / "model.safetensors")
    numbers = 800 + 64 + 8 + 320
    assert read_parts(tmp_path) == (Part("", numbers, 430, block=320, layer=800),)


def test_a_last_layer_that_is_the_embedding_counts_once(
    tmp_path: Path, stand_in: Callable[[str], Path], hub: HubServer
) -> None:
    folder = stand_in("qwen3")
    (whole,) = read_parts(folder)
    twice = tmp_path / "twice"
    shutil.copytree(folder, twice)
    weights = load_file(twice / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    save_file(weights, twice / "model.safetensors")
    assert read_parts(twice) == (whole,)
    assert fetch_parts(Source(REPO, hub.add(REPO, twice))) == (whole,)
    config = json.loads((twice / "config.json").read_text())
    (twice / "config.json").write_text(json.dumps({**config, "tie_word_embeddings": False}))
    (part,) = read_parts(twice)
    assert part.numbers == whole.numbers + weights["lm_head.weight"].size


def test_shards_count_together(tmp_path: Path) -> None:
    for n in (1, 2):
        tensors = {f"layers.{n}.weight": np.zeros(100, np.float32)}
        save_file(tensors, tmp_path / f"model-0000{n}-of-00002.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    assert read_parts(tmp_path) == (Part("", 200, block=100, layer=100),)


def test_of_several_variants_one_counts(tmp_path: Path, hub: HubServer) -> None:
    one = read_parts(pipeline(tmp_path / "one"))
    pipeline(tmp_path / "half", variant="fp16")
    assert read_parts(tmp_path / "half") == read_parts(tmp_path / "half", "fp16") == one
    source = Source(REPO, hub.add(REPO, tmp_path / "half"), "fp16")
    snapshot = fetch(source)
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in names(snapshot)
    assert read_parts(snapshot) == fetch_parts(source) == one


def test_a_long_header_is_fetched_in_two_pieces(tmp_path: Path, hub: HubServer) -> None:
    tensors = {
        f"layers.{n}.a_rather_long_name.weight": np.zeros(2, np.float32) for n in range(3000)
    }
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    source = Source(REPO, hub.add(REPO, tmp_path))
    assert fetch_parts(source) == read_parts(tmp_path)
    ranges = [request.headers["range"] for request in hub.asked("/cdn/*")]
    assert [text.split("-")[0] for text in ranges] == ["bytes=0", "bytes=100000"]


def test_pickled_weights_have_no_parts(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(UnsafeRepository):
        read_parts(tmp_path)


def good() -> dict[str, Any]:
    return {
        "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
        "b": {"dtype": "I8", "shape": [5], "data_offsets": [24, 29]},
    }


def changed(name: str, **fields: Any) -> dict[str, Any]:
    header = good()
    header[name] |= fields
    return header


LIES: dict[str, Any] = {
    "no object": [1, 2],
    "no offsets": {"a": {"dtype": "F32", "shape": [1]}},
    "a shape that is too large": changed("a", shape=[2**40, 3]),
    "a shape that is too small": changed("a", shape=[1]),
    "a shape of a truth": changed("b", shape=[True]),
    "a negative side": changed("a", shape=[-2, -3]),
    "a side that is no whole number": changed("a", shape=[2.0, 3]),
    "a dtype that nobody knows": changed("a", dtype="F99"),
    "a gap": changed("b", data_offsets=[25, 30]),
    "an overlap": changed("b", data_offsets=[20, 25]),
    "an end beyond the file": changed("b", shape=[2**41], data_offsets=[24, 24 + 2**41]),
    "too few bytes": {"a": good()["a"]},
    "offsets that are no numbers": changed("a", data_offsets=["0", "24"]),
    "three offsets": changed("a", data_offsets=[0, 12, 24]),
}


def test_a_good_header_is_read() -> None:
    header = good() | {"__metadata__": {"format": "pt"}}
    tensors = read_header(json.dumps(header).encode(), 29)
    assert [(t.name, t.numbers, t.floating, t.bytes) for t in tensors] == [
        ("a", 6, True, 24),
        ("b", 5, False, 5),
    ]


@pytest.mark.parametrize("lie", LIES)
def test_a_header_that_lies_is_refused(lie: str, tmp_path: Path) -> None:
    header = json.dumps(LIES[lie]).encode()
    with pytest.raises(BadHeader):
        read_header(header, 29)
    (tmp_path / "model.safetensors").write_bytes(
        struct.pack("<Q", len(header)) + header + bytes(29)
    )
    with pytest.raises(Corrupt):
        read_parts(tmp_path)


@pytest.mark.parametrize("length", [0, 1, 100, LONGEST + 1, 2**40, 2**63])
def test_a_length_that_cannot_be_is_refused(length: int, tmp_path: Path, hub: HubServer) -> None:
    with pytest.raises(BadHeader):
        header_length(struct.pack("<Q", length), 80)
    text_model(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", length) + bytes(72))
    source = Source(REPO, hub.add(REPO, tmp_path))
    with pytest.raises(Corrupt):
        fetch_parts(source)


def test_nested_json_is_refused() -> None:
    with pytest.raises(BadHeader):
        read_header(b'{"a":' * 100_000, 10)


@pytest.mark.parametrize("content", [b"", b"1234567", b"\x80\x02pickle", b"not a header at all"])
def test_what_is_no_safetensors_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(Corrupt):
        read_parts(tmp_path)


def test_headers_are_read_anew_only_when_a_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights(tmp_path / "model.safetensors")
    opened = []
    really = Path.open

    def counted(self: Path, *args: Any) -> Any:
        opened.append(self)
        return really(self, *args)

    monkeypatch.setattr(Path, "open", counted)
    before = read_parts(tmp_path)
    assert read_parts(tmp_path) == before
    assert opened == [path]
    weights(path, 400_000)
    assert read_parts(tmp_path)[0].numbers > before[0].numbers
