"""Which files are chosen of the many that repositories have."""

import pytest

from aigc_core.hub.errors import NotFound, UnsafeRepository
from aigc_core.hub.files import File, choose, read_components, safe_name

TEXT = {"config.json", "generation_config.json", "tokenizer.json", "merges.txt", "tokenizer.model"}
BAD = {
    "pytorch_model.bin", "pytorch_model.bin.index.json", "model.ckpt", "model.gguf", "tf_model.h5",
    "flax_model.msgpack", "modeling_custom.py", "training_args.bin", "consolidated.safetensors",
    "adapter_model.safetensors", "picture.png", "onnx/model.onnx", "onnx/config.json",
    "checkpoint-5/model.safetensors",
}  # fmt: skip
SHARDS = {f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)}
INDEX = {"model.safetensors.index.json"}
PIPELINE = {
    "unet": ("diffusers", "UNet2DConditionModel"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
}
PARTS = {
    "model_index.json", "unet/config.json", "text_encoder/config.json", "tokenizer/vocab.json",
    "tokenizer/merges.txt",
}  # fmt: skip


def chosen(names: set[str], variant: str = "", components: dict | None = None) -> set[str]:
    files = [File(name, 10, f"{number:040x}") for number, name in enumerate(sorted(names))]
    return {file.name for file in choose("org/name", files, variant, components)}


def test_of_a_text_model() -> None:
    wanted = TEXT | {"model.safetensors", "LICENSE.txt", "chat_template.jinja"}
    assert chosen(wanted | BAD) == wanted


def test_of_shards_their_index_comes_too() -> None:
    assert chosen(TEXT | SHARDS | INDEX | BAD) == TEXT | SHARDS | INDEX


def test_one_whole_file_is_enough() -> None:
    wanted = TEXT | {"model.safetensors"}
    assert chosen(wanted | SHARDS | INDEX) == wanted


@pytest.mark.parametrize("lost", sorted(SHARDS | INDEX))
def test_a_shard_that_is_missing_is_told(lost: str) -> None:
    with pytest.raises(NotFound) as caught:
        chosen(TEXT | (SHARDS | INDEX) - {lost})
    assert caught.value.what == lost


@pytest.mark.parametrize(
    "weights", ["pytorch_model.bin", "model.gguf", "model.onnx", "tf_model.h5"]
)
def test_other_weights_are_refused(weights: str) -> None:
    with pytest.raises(UnsafeRepository):
        chosen(TEXT | {weights})


def test_of_a_pipeline_the_components_alone() -> None:
    weights = {"unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"}
    others = {
        "sd_v1.safetensors", "safety_checker/model.safetensors", "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors", "text_encoder/pytorch_model.bin",
        "vae/config.json", "scheduler/code.py",
    }  # fmt: skip
    assert chosen(PARTS | weights | others, components=PIPELINE) == PARTS | weights


def test_of_a_variant_what_there_is() -> None:
    half = {"unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model.safetensors"}
    plain = {"unet/diffusion_pytorch_model.safetensors"}
    assert chosen(PARTS | half | plain, "fp16", PIPELINE) == PARTS | half


def test_shards_of_a_variant() -> None:
    stem = "unet/diffusion_pytorch_model"
    half = {f"{stem}.fp16-0000{n}-of-00002.safetensors" for n in (1, 2)}
    index = {f"{stem}.safetensors.index.fp16.json"}
    plain = {f"{stem}-0000{n}-of-00002.safetensors" for n in (1, 2)}
    plain_index = {f"{stem}.safetensors.index.json"}
    everything = PARTS | half | index | plain | plain_index | {"text_encoder/model.safetensors"}
    assert chosen(everything, "fp16", PIPELINE) == everything - plain - plain_index
    assert chosen(everything, "", PIPELINE) == everything - half - index


def test_a_component_that_is_pickled_is_refused() -> None:
    with pytest.raises(UnsafeRepository):
        chosen(PARTS | {"unet/diffusion_pytorch_model.bin"}, components=PIPELINE)


def test_a_variant_alone_is_not_taken_for_the_plain_one() -> None:
    with pytest.raises(NotFound):
        chosen(PARTS | {"unet/diffusion_pytorch_model.fp16.safetensors"}, components=PIPELINE)


def test_small_files_come_first() -> None:
    files = [File("model.safetensors", 999, "a" * 64), File("config.json", 5, "b" * 40)]
    assert [file.name for file in choose("org/name", files)] == ["config.json", "model.safetensors"]


def test_components_that_are_switched_off_are_none() -> None:
    index = {"_class_name": "A", "vae": ["diffusers", "B"], "checker": [None, None], "flag": True}
    assert read_components(index) == {"vae": ("diffusers", "B")}
    assert read_components(["no", "object"]) == {}


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../../b", "a\\b", "C:a", "", ".", "a//b", "a\nb", "a/./b", "./a"]
)
def test_names_that_leave_their_folder(name: str) -> None:
    assert not safe_name(name)


@pytest.mark.parametrize("name", ["a", "a/b.json", ".hidden", "a-b_c.d/e f"])
def test_names_that_stay(name: str) -> None:
    assert safe_name(name)
