"""Files of pretrained models are read strictly, and nothing in them is run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from aigc_core.catalog import Entry
from aigc_core.errors import ModelUnavailable
from aigc_core.families import causal_lm, pretrained, text_to_image
from aigc_core.gate import Gate
from aigc_core.hub.snapshot import fetch
from aigc_core.placement import Placement
from tests.hub.fixtures import hub
from tests.hub.server import HubServer

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")
__all__ = ["hub"]

PLACEMENT = Placement("cpu", "float32", Gate(), batching=True)
FAMILIES = {"qwen3": causal_lm, "gpt2": causal_lm, "stable-diffusion": text_to_image}
WEIGHTS = {
    "qwen3": "model.safetensors",
    "gpt2": "model.safetensors",
    "stable-diffusion": "unet/diffusion_pytorch_model.safetensors",
}
TRAP = "import pathlib\npathlib.Path({!r}).touch()\n"


class Copied:
    """A copy of a stand-in that a test may change."""

    def __init__(self, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.name, self.folder = name, folder
        self.family = FAMILIES[name]
        self.entry = Entry.model_construct(id=name, variant="")
        monkeypatch.setattr(self.family, "snapshot", lambda _: folder)

    def load(self) -> Any:
        return self.family.load(self.entry, PLACEMENT)

    def refusal(self) -> ModelUnavailable:
        before = torch.get_default_dtype()
        with pytest.raises(ModelUnavailable) as caught:
            self.load()
        assert torch.get_default_dtype() == before
        assert caught.value.why.en != caught.value.why.zh
        return caught.value

    def edit(self, file: str, **changes: Any) -> None:
        path = self.folder / file
        path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **changes}), "utf-8")


@pytest.fixture
def copied(
    stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Copied]:
    def copy(name: str) -> Copied:
        folder = shutil.copytree(stand_in(name), tmp_path / name)
        return Copied(name, folder, monkeypatch)

    return copy


@pytest.mark.parametrize("name", FAMILIES)
class TestDamage:
    def test_missing_weights_are_not_made_up(self, name: str, copied: Callable[[str], Copied]):
        model = copied(name)
        path = model.folder / WEIGHTS[name]
        weights = load_file(path)
        lost = sorted(weights)[3]
        del weights[lost]
        save_file(weights, path, metadata={"format": "pt"})
        why = model.refusal().why
        assert all(lost in text for text in why)

    def test_a_file_that_is_cut_off(self, name: str, copied: Callable[[str], Copied]):
        model = copied(name)
        path = model.folder / WEIGHTS[name]
        path.write_bytes(path.read_bytes()[:-1000])
        assert "Download it again" in model.refusal().why.en.replace("download", "Download")

    def test_no_weights_but_a_pickle(self, name: str, copied: Callable[[str], Copied]):
        model = copied(name)
        path = model.folder / WEIGHTS[name]
        torch.save(load_file(path), path.with_name("pytorch_model.bin"))
        shutil.copy(
            path.with_name("pytorch_model.bin"), path.with_name("diffusion_pytorch_model.bin")
        )
        path.unlink()
        assert model.refusal()

    def test_shapes_that_are_not_the_configs(self, name: str, copied: Callable[[str], Copied]):
        model = copied(name)
        path = model.folder / WEIGHTS[name]
        weights = load_file(path)
        first = next(key for key, value in weights.items() if value.dim() == 2)
        weights[first] = weights[first][:-1].contiguous()
        save_file(weights, path, metadata={"format": "pt"})
        assert model.refusal()


def test_a_package_that_is_missing_is_named(copied: Callable[[str], Copied]):
    model = copied("qwen3")
    model.edit("config.json", quantization_config={"quant_method": "awq", "bits": 4})
    assert "not installed" in model.refusal().why.en


class TestCode:
    def test_code_beside_a_known_model_is_left_alone(
        self, copied: Callable[[str], Copied], tmp_path: Path
    ):
        model = copied("qwen3")
        (model.folder / "mine.py").write_text(TRAP.format(str(tmp_path / "sprung")))
        model.edit("config.json", auto_map={"AutoModelForCausalLM": "mine.Mine"})
        assert type(model.load().network).__name__ == "Qwen3ForCausalLM"
        assert not (tmp_path / "sprung").exists()

    def test_a_model_that_is_code_of_its_own(self, copied: Callable[[str], Copied], tmp_path: Path):
        model = copied("qwen3")
        (model.folder / "mine.py").write_text(TRAP.format(str(tmp_path / "sprung")))
        mine = {"AutoConfig": "mine.Config", "AutoModelForCausalLM": "mine.Mine"}
        model.edit("config.json", model_type="mine", auto_map=mine)
        assert model.refusal()
        assert not (tmp_path / "sprung").exists()

    @pytest.mark.parametrize(
        "changes",
        [
            {"_class_name": ["pipeline", "Mine"]},
            {"_class_name": "Mine"},
            {"_class_name": "AutoencoderKL"},
            {"_class_name": None},
            {"unet": ["mine", "Mine"]},
            {"unet": ["os", "system"]},
            {"unet": ["diffusers", "utils"]},
            {"unet": ["transformers", "pipeline"]},
            {"unet": ["diffusers_modules.local.mine", "Mine"]},
            {"unet": ["stable_diffusion", "__class__"]},
            {"unet": ["__init__", "sys"]},
            {"unet": ["diffusers"]},
            {"unet": ["diffusers", "AutoModel"]},
            {"text_encoder": ["transformers", "AutoModel"]},
            {"tokenizer": ["transformers", "AutoTokenizer"]},
            {"scheduler": ["diffusers", "DiffusionPipeline"]},
            {"text_encoder": ["transformers", "CLIPTextConfig"]},
        ],
        ids=str,
    )
    def test_a_pipeline_takes_classes_of_the_libraries_alone(
        self, changes: dict[str, Any], copied: Callable[[str], Copied], tmp_path: Path
    ):
        model = copied("stable-diffusion")
        for name in ("pipeline.py", "mine.py", "unet/mine.py"):
            (model.folder / name).write_text(TRAP.format(str(tmp_path / "sprung")))
        model.edit("model_index.json", **changes)
        assert model.refusal()
        assert not (tmp_path / "sprung").exists()

    def test_a_pipeline_that_cannot_be_stopped(self, copied: Callable[[str], Copied]):
        model = copied("stable-diffusion")
        model.edit("model_index.json", _class_name="DDPMPipeline")
        assert "could not be stopped" in model.refusal().why.en


class TestFiles:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_what_is_not_downloaded_is_not_fetched(
        self, name: str, downloaded: Callable[[str], Entry]
    ):
        entry = downloaded(name).model_copy(update={"revision": "0" * 40})
        with pytest.raises(ModelUnavailable) as caught:
            FAMILIES[name].load(entry, PLACEMENT)
        assert caught.value.why == pretrained.ABSENT

    def test_a_variant_is_taken_where_there_is_one(
        self, hub: HubServer, stand_in: Callable[[str], Path], tmp_path: Path
    ):
        folder = shutil.copytree(stand_in("stable-diffusion"), tmp_path / "sd")
        for name in ("unet", "text_encoder"):
            (plain,) = (folder / name).glob("*.safetensors")
            halves = {key: value.half() for key, value in load_file(plain).items()}
            save_file(halves, plain.with_suffix(".fp16.safetensors"), metadata={"format": "pt"})
        commit = hub.add("stand-ins/variants", folder)
        entry = Entry.model_construct(
            id="sd", origin="hub", repo="stand-ins/variants", revision=commit, variant="fp16"
        )
        files = {path.name for path in fetch(entry.source).rglob("*.safetensors")}
        assert len(files) == 3
        model = text_to_image.load(entry, PLACEMENT)
        unet = load_file(folder / WEIGHTS["stable-diffusion"])
        for key, value in model.pipe.unet.state_dict().items():
            assert value.dtype == torch.float32
            assert torch.equal(value, unet[key].half().float())
        vae = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
        assert torch.equal(model.pipe.vae.state_dict()[(key := sorted(vae)[0])], vae[key])
