"""The large defaults as they really are, built on the meta device, where weights take no room."""

import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from aigc_core.catalog import Catalog
from aigc_core.catalog_model import CatalogModel
from aigc_core.families import causal_lm, text_to_image
from aigc_core.fit import fit
from aigc_core.footprint import Part, Rung, footprint
from aigc_core.hardware import Device, DType
from aigc_core.hub.header import Tensor
from aigc_core.hub.weights import part_of
from aigc_core.tasks import ContinueText, TextToImage

GB = 10**9


def sd_unet() -> torch.nn.Module:
    """Of Stable Diffusion 2.1 (base), which SD-Turbo is distilled from and shaped like."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=64,
        block_out_channels=(320, 640, 1280, 1280),
        layers_per_block=2,
        attention_head_dim=(5, 10, 20, 20),
        cross_attention_dim=1024,
        use_linear_projection=True,
    )


def clip_h() -> torch.nn.Module:
    """The text tower of OpenCLIP ViT-H/14 without its last layer."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408,
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=23,
            num_attention_heads=16,
            hidden_act="gelu",
        )
    )


def sd_vae() -> torch.nn.Module:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(128, 256, 512, 512),
        layers_per_block=2,
        latent_channels=4,
    )


def qwen3(
    hidden: int = 1024, inner: int = 3072, layers: int = 28, heads: int = 16, *, tied: bool = True
) -> torch.nn.Module:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=151936,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=8,
            head_dim=128,
            tie_word_embeddings=tied,
        )
    )


def gpt2() -> torch.nn.Module:
    """Of 124 million weights: its config's defaults."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config())


def flan_t5() -> torch.nn.Module:
    """Of the later kind of T5, whose last layer is not the embedding."""
    from transformers import T5Config, T5ForConditionalGeneration

    made = T5ForConditionalGeneration(
        T5Config(
            vocab_size=32128,
            d_model=768,
            d_kv=64,
            d_ff=2048,
            num_layers=12,
            num_heads=12,
            feed_forward_proj="gated-gelu",
        )
    )
    made.lm_head = torch.nn.Linear(768, 32128, bias=False)
    return made


SHAPES: dict[str, dict[str, Callable[[], torch.nn.Module]]] = {
    "sd-turbo": {"unet": sd_unet, "text_encoder": clip_h, "vae": sd_vae},
    "qwen3-0.6b": {"": qwen3},
    "gpt2": {"": gpt2},
    "qwen3-4b": {"": partial(qwen3, 2560, 9728, 36, 32)},
    "qwen3-14b": {"": partial(qwen3, 5120, 17408, 40, 40, tied=False)},
    "flan-t5-base": {"": flan_t5},
}
PARTS = [(id, name) for id, parts in SHAPES.items() for name in parts]
# Gigabytes on the device by dtype and rung, from the numbers of the weights by hand.
TAKES: list[tuple[str, DType, Rung, float, float]] = [
    ("sd-turbo", "float32", "full", 5.160, 0),
    ("sd-turbo", "float16", "full", 2.580, 0),
    ("sd-turbo", "bfloat16", "fp8", 1.974, 0),
    ("sd-turbo", "float16", "offload", 1.732, 2.580),
    ("qwen3-0.6b", "float32", "full", 2.384, 0),
    ("qwen3-0.6b", "bfloat16", "full", 1.192, 0),
    ("gpt2", "float32", "full", 0.498, 0),
    ("qwen3-4b", "bfloat16", "full", 8.045, 0),
    ("qwen3-14b", "bfloat16", "full", 29.537, 0),
    ("flan-t5-base", "float32", "full", 0.990, 0),
]


def parts_of(id: str) -> tuple[Part, ...]:
    return Catalog.default().find(id).parts


@pytest.fixture(autouse=True)
def no_file_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    monkeypatch.delenv("AIGC_CATALOG", raising=False)


def on_meta(make: Callable[[], torch.nn.Module]) -> torch.nn.Module:
    with torch.device("meta"):
        return make()


@pytest.mark.parametrize(("id", "name"), PARTS)
def test_the_catalog_has_the_true_numbers(id: str, name: str):
    network = on_meta(SHAPES[id][name])
    assert {p.device.type for p in network.parameters()} == {"meta"}
    tensors = (Tensor(key, p.numel(), True, 0) for key, p in network.named_parameters())
    (told,) = (part for part in parts_of(id) if part.name == name)
    assert told == part_of(name, tensors)
    assert 0 < told.layer <= told.numbers


def test_every_pretrained_model_is_checked():
    ours = {e.id: set(e.weights) for e in Catalog.default().entries.values() if e.origin == "hub"}
    assert ours == {id: set(parts) for id, parts in SHAPES.items()}


@pytest.mark.parametrize(("id", "dtype", "rung", "device", "host"), TAKES)
def test_what_they_take(id: str, dtype: DType, rung: Rung, device: float, host: float):
    takes = footprint(parts_of(id), dtype, rung)
    assert takes.device == pytest.approx(device * GB, rel=1e-3)
    assert takes.host == pytest.approx(host * GB, rel=1e-3)


@pytest.mark.parametrize("id", SHAPES)
def test_every_rung_takes_no_more_of_the_device_than_the_whole(id: str):
    entry = Catalog.default().find(id)
    whole = footprint(parts_of(id), "float16").device
    for rung in entry.module.RUNGS:
        assert 0 < footprint(parts_of(id), "float16", rung).device <= whole


@pytest.mark.parametrize(
    ("id", "free", "kind"),
    [
        ("sd-turbo", 24, "fits"),
        ("sd-turbo", 6, "fits"),
        ("sd-turbo", 1, "no"),
        ("qwen3-0.6b", 8, "fits"),
        ("qwen3-0.6b", 1, "no"),
        ("gpt2", 4, "fits"),
        ("qwen3-4b", 16, "fits"),
        ("qwen3-14b", 80, "fits"),
        ("flan-t5-base", 4, "fits"),
    ],
)
def test_whether_they_fit_is_said_before_the_download(id: str, free: int, kind: str):
    model = CatalogModel(Catalog.default().find(id))
    gpu = Device("cuda", 0, "GPU", free * GB, free * GB, bf16=True, fp16=True)
    assert fit(model.parts(), as_activations(model), model.rungs, [gpu]).kind == kind


def as_activations(model: CatalogModel) -> Any:
    return lambda _: model.activation_bytes()


class Live(TorchDispatchMode):
    """Bytes of the tensors that a run makes, at the moment when most of them live.

    Tensors of FakeTensorMode have sizes and live as long as real ones, but hold and compute
    nothing.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        weights = [*network.parameters(), *network.buffers()]
        self.sizes = {tensor.untyped_storage()._cdata: 0 for tensor in weights}
        self.now = self.peak = 0

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = op(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.sizes:
                    self.sizes[storage._cdata] = storage.nbytes()
                    self.now += storage.nbytes()
                    self.peak = max(self.peak, self.now)
                    weakref.finalize(storage, self.free, storage._cdata)
        return made

    def free(self, storage: int) -> None:
        self.now -= self.sizes.pop(storage, 0)


def peak(make: Callable[[], torch.nn.Module], run: Callable[[Any], object]) -> int:
    """Bytes that a run of a network takes beyond its weights, in float32."""
    with FakeTensorMode(), torch.no_grad():
        network = make().eval()
        with Live(network) as live:
            run(network)
    return live.peak


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_pictures_take_what_is_reckoned(side: int):
    reckoned = text_to_image.activation_bytes(
        Catalog.default().find("sd-turbo"), TextToImage.ask(width=side, height=side)
    )

    def latents(count: int) -> torch.Tensor:
        return torch.empty(count, 4, side // 8, side // 8)

    decoding = peak(sd_vae, lambda vae: vae.decode(latents(1)))
    # With guidance each step takes the prompt and its negative.
    denoising = peak(
        sd_unet,
        lambda unet: unet(latents(2), torch.empty(2).long(), torch.empty(2, 77, 1024)),
    )
    assert denoising < decoding < reckoned < 1.5 * decoding


@pytest.mark.parametrize("tokens", [100, 1000])
def test_texts_take_what_is_reckoned(tokens: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def read(network: Any) -> None:
        cache = None
        ids = torch.zeros(1, tokens, dtype=torch.long)
        for piece in ids.split(causal_lm.PIECE, 1):
            answer = network(piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache = answer.past_key_values

    taken = peak(qwen3, read)
    entry = Catalog.default().find("qwen3-0.6b")
    before_the_download = causal_lm.activation_bytes(entry)
    on_meta(qwen3).config.save_pretrained(tmp_path)  # type: ignore[union-attr]
    monkeypatch.setattr(causal_lm, "local", lambda _: tmp_path)
    asked = ContinueText.ask(prompt="a" * (tokens - 20), tokens=20)
    assert taken < causal_lm.activation_bytes(entry, asked) < 2 * taken
    if tokens == 1000:
        assert taken < before_the_download < 2 * taken
