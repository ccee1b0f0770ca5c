"""What a repository is, told from a few kilobytes; and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aigc_core.hub import patience
from aigc_core.hub.errors import (
    Gated,
    NotFound,
    Offline,
    Unreachable,
    UnsafeRepository,
    Unsupported,
)
from aigc_core.hub.inspect import inspect
from aigc_core.hub.snapshot import fetch
from aigc_core.hub.weights import read_parts
from tests.hub.models import REPO, SNAPPY, text_model, weights
from tests.hub.server import HubServer

StandIn = Callable[[str], Path]


@pytest.mark.parametrize(
    ("kind", "family", "name"),
    [
        ("qwen3", "chat_lm", "Qwen3ForCausalLM"),
        ("gpt2", "causal_lm", "GPT2LMHeadModel"),
        ("marian-en-zh", "marian", "MarianMTModel"),
        ("t5", "t5", "T5ForConditionalGeneration"),
        ("stable-diffusion", "text_to_image", "StableDiffusionPipeline"),
        ("sdxl", "text_to_image", "StableDiffusionXLPipeline"),
        ("flux", "text_to_image", "FluxPipeline"),
    ],
)
def test_what_can_be_run_is_found(
    kind: str,
    family: str,
    name: str,
    stand_in: StandIn,
    hub: HubServer,
) -> None:
    folder = stand_in(kind)
    commit = hub.add(REPO, folder, cardData={"license": "apache-2.0"})
    found = inspect(REPO)
    assert (found.source.repo, found.source.revision) == (REPO, commit)
    assert found.family == f"aigc_core.families.{family}"
    assert found.class_name == name
    assert found.licence == "apache-2.0"
    assert not found.gated
    sent = sum(request.server == "cdn" for request in hub.requests)
    assert sent == len(list(folder.rglob("*.safetensors")))
    snapshot = fetch(found.source)
    assert found.parts == read_parts(snapshot)
    assert found.bytes == sum(
        {p.resolve(): p.stat().st_size for p in snapshot.rglob("*.*")}.values()
    )
    assert found.weights == {p.name: (p.numbers, p.block, p.layer) for p in found.parts}


def test_the_smaller_variant_is_chosen_where_all_have_it(
    stand_in: StandIn,
    hub: HubServer,
    tmp_path: Path,
) -> None:
    folder = stand_in("stable-diffusion")
    copy = tmp_path / "half"
    for path in folder.rglob("*"):
        if path.is_file():
            new = copy / path.relative_to(folder)
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes(path.read_bytes())
            if path.suffix == ".safetensors":
                weights(new.with_suffix(".fp16.safetensors"), 1000)
    hub.add(REPO, copy)
    found = inspect(REPO)
    assert found.source.variant == "fp16"
    assert found.bytes < 1_000_000
    (copy / "vae" / "diffusion_pytorch_model.fp16.safetensors").unlink()
    hub.add(REPO, copy)
    assert inspect(REPO).source.variant == ""


def llama(folder: Path, **config: Any) -> Path:
    """What a text model's repository looks like, as far as anyone looks at it."""
    text_model(folder)
    content = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", **config}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("file", "content", "family"),
    [
        ("chat_template.jinja", "{{ messages }}", "chat_lm"),
        ("tokenizer_config.json", '{"chat_template": "{{ messages }}"}', "chat_lm"),
        ("tokenizer_config.json", '{"chat_template": [{"name": "default"}]}', "chat_lm"),
        ("tokenizer_config.json", '{"chat_template": null}', "causal_lm"),
        ("tokenizer_config.json", "[]", "causal_lm"),
    ],
)
def test_a_model_with_a_chat_template_is_talked_to(
    file: str, content: str, family: str, hub: HubServer, tmp_path: Path
) -> None:
    (llama(tmp_path) / file).write_text(content)
    hub.add(REPO, tmp_path)
    assert inspect(REPO).family == f"aigc_core.families.{family}"


def pipeline(folder: Path, **index: Any) -> Path:
    weights(folder / "unet" / "diffusion_pytorch_model.safetensors", 1000)
    (folder / "unet" / "config.json").write_text("{}")
    content = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        **index,
    }
    (folder / "model_index.json").write_text(json.dumps(content))
    return folder


def test_both_are_fine_as_they_are(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, llama(tmp_path / "text"), tags=["license:mit"])
    assert inspect(REPO).licence == "mit"
    hub.add(REPO, pipeline(tmp_path / "pipeline"))
    assert inspect(REPO).components == {"unet": "UNet2DConditionModel"}


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "modeling.Own"}}, "auto_map"),
        ({"architectures": ["LlamaForSequenceClassification"]}, "LlamaForSequenceClassification"),
        ({"architectures": ["OwnForCausalLM"]}, "OwnForCausalLM"),
        ({"architectures": None, "model_type": "bert"}, "bert"),
        ({"quantization_config": {"quant_method": "gptq"}}, "gptq"),
    ],
)
def test_text_models_that_cannot_be_run(
    config: dict[str, Any], word: str, hub: HubServer, tmp_path: Path
) -> None:
    hub.add(REPO, llama(tmp_path, **config))
    with pytest.raises(UnsafeRepository if word == "auto_map" else Unsupported) as caught:
        inspect(REPO)
    assert word in caught.value.text.en
    assert word in caught.value.text.zh


@pytest.mark.parametrize(
    ("index", "unsafe"),
    [
        ({"_class_name": ["pipeline_own", "OwnPipeline"]}, True),
        ({"_class_name": "OwnPipeline"}, False),
        ({"_class_name": "StableDiffusionImg2ImgPipeline"}, False),
        ({"_class_name": "StableDiffusionControlNetPipeline"}, False),
        ({"_class_name": None}, False),
        ({"unet": ["diffusers", "OwnUNet"]}, False),
        ({"unet": ["os", "system"]}, False),
        ({"unet": ["diffusers", "AutoModel"]}, False),
        ({"unet": ["diffusers", "DiffusionPipeline"]}, False),
        ({"tokenizer": ["transformers", "AutoTokenizer"]}, False),
        ({"_class_name": "IFPipeline"}, False),
        ({"_class_name": "PixArtSigmaPipeline"}, False),
        ({"unet": ["my_unet", "OwnUNet"]}, True),
    ],
)
def test_pipelines_that_cannot_be_run(
    index: dict[str, Any], unsafe: bool, hub: HubServer, tmp_path: Path
) -> None:
    pipeline(tmp_path, **index)
    if unsafe:
        (tmp_path / "unet" / "my_unet.py").write_text("raise SystemExit")
    hub.add(REPO, tmp_path)
    with pytest.raises(UnsafeRepository if unsafe else Unsupported):
        inspect(REPO)


def test_parts_of_every_kind_that_a_pipeline_has(hub: HubServer, tmp_path: Path) -> None:
    named = {
        "unet": ["diffusers", "UNet2DConditionModel"],
        "scheduler": ["diffusers", "EulerDiscreteScheduler"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "feature_extractor": ["transformers", "CLIPFeatureExtractor"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
    }
    hub.add(REPO, pipeline(tmp_path, **named))
    assert inspect(REPO).components == {name: kind for name, (_, kind) in named.items()}


@pytest.mark.parametrize("sign", ["tag", "pipeline.py", "pickle"])
def test_signs_of_code(sign: str, hub: HubServer, tmp_path: Path) -> None:
    folder, tags = llama(tmp_path), []
    if sign == "tag":
        tags = ["custom_code"]
    elif sign == "pipeline.py":
        (folder / "pipeline.py").write_text("raise SystemExit")
    else:
        (folder / "model.safetensors").unlink()
    hub.add(REPO, folder, tags=tags)
    with pytest.raises(UnsafeRepository):
        inspect(REPO)


def test_another_kind_of_repository(hub: HubServer, tmp_path: Path) -> None:
    weights(tmp_path / "model.safetensors")
    hub.add(REPO, tmp_path, library_name="timm")
    with pytest.raises(Unsupported) as caught:
        inspect(REPO)
    assert caught.value.kind == "timm"


def test_a_gated_one_names_its_page(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, llama(tmp_path), gated=True)
    with pytest.raises(Gated) as caught:
        inspect(REPO)
    assert caught.value.link.endswith(REPO)


@pytest.mark.parametrize("repo", ["", "name", "a/b/c", "../../etc", "org/..", "a b/c", "org/na?me"])
def test_what_is_no_name_is_not_asked_for(repo: str, hub: HubServer) -> None:
    with pytest.raises(NotFound):
        inspect(repo)
    assert hub.requests == []


def test_a_revision_that_is_not_there(hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, llama(tmp_path))
    with pytest.raises(NotFound) as caught:
        inspect(REPO, "v9")
    assert caught.value.what == "v9"


def test_without_the_network(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "PATIENCE", SNAPPY)
    hub.add(REPO, llama(tmp_path))
    hub.fault("hang", "/api/*")
    with pytest.raises(Unreachable):
        inspect(REPO)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Offline):
        inspect(REPO)


@pytest.mark.parametrize(
    ("files", "about", "said"),
    [
        ({}, {}, "it has no config.json"),
        ({}, {"library_name": ["timm"]}, "it has no config.json"),
        ({"config.json": "[]"}, {}, "its config.json does not say what it is"),
        ({"config.json": "{}"}, {}, "its config.json does not say what it is"),
        ({"config.json": '{"architectures": [7]}'}, {}, "its config.json does not say"),
        ({"model_index.json": "{}"}, {}, "its model_index.json does not say what it is"),
        ({"config.json": '{"model_type": "x\\u001b[2J"}'}, {}, "it is x [2J"),
        ({"config.json": json.dumps({"model_type": "long" * 99})}, {}, "longlon…"),
    ],
)
def test_what_cannot_be_told_is_said_so(
    files: dict[str, str], about: dict[str, Any], said: str, hub: HubServer, tmp_path: Path
) -> None:
    weights(tmp_path / "model.safetensors")
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    hub.add(REPO, tmp_path, **about)
    with pytest.raises(Unsupported) as caught:
        inspect(REPO)
    assert said.removesuffix("…") in caught.value.text.en
    assert "None" not in caught.value.text.en
    assert caught.value.text.en.isprintable()
    assert len(caught.value.text.en) < 250


@pytest.mark.parametrize("given", ["long" * 999, "a\x1b[2Jb\n\u202e", ["mit", "x" * 999]])
def test_a_licence_is_a_short_word(given: Any, hub: HubServer, tmp_path: Path) -> None:
    hub.add(REPO, llama(tmp_path), cardData={"license": given})
    found = inspect(REPO).licence
    assert 0 < len(found) <= 41
    assert found.isprintable()
