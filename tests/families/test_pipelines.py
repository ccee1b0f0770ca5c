import gc
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_core.catalog import Entry
from aigc_core.families import text_to_image as family
from aigc_core.families.pipelines import decode_in_float32
from aigc_core.families.text_to_image import LoadedPipeline, load
from aigc_core.footprint import Rung
from aigc_core.media import pixels
from aigc_core.tasks import TextToImage
from tests.families.drawing import ASKED, NAMES, ONE, Downloaded, apart, drawn, placement, run
from tests.stand_ins import stable_diffusion

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")


@pytest.fixture(scope="module")
def sd(downloaded: Downloaded) -> Iterator[LoadedPipeline]:
    made = load(downloaded("stable-diffusion"), placement())
    yield made
    made.close()


class TestHolding:
    @pytest.mark.parametrize("name", NAMES)
    def test_group_offload_draws_the_same(self, name: str, downloaded: Downloaded):
        full, model = (load(downloaded(name), placement(rung)) for rung in ("full", "group"))  # type: ignore[arg-type]
        first, second = drawn(model, ONE), drawn(model, ONE)
        assert np.array_equal(first, second)
        assert apart(first, drawn(full, ONE)) <= 1

    @pytest.mark.parametrize("name", NAMES)
    def test_fp8_keeps_the_denoiser_in_a_byte_and_draws_nearly_the_same(
        self, name: str, downloaded: Downloaded
    ):
        full, model = (load(downloaded(name), placement(rung)) for rung in ("full", "fp8"))  # type: ignore[arg-type]
        denoiser = getattr(model.pipe, "unet", None) or model.pipe.transformer
        stored = sum(p.nbytes for p in denoiser.parameters())
        numbers = sum(p.numel() for p in denoiser.parameters())
        # In float32 they take four; norms and what modulates them stay as they were.
        assert stored < 2 * numbers
        difference = np.abs(drawn(model, ONE).astype(int) - drawn(full, ONE)).mean()
        assert 0 < difference < 8
        assert sum(p.nbytes for p in denoiser.parameters()) == stored

    @pytest.mark.parametrize("name", NAMES)
    def test_every_part_takes_the_placements_dtype(self, name: str, downloaded: Downloaded):
        model = load(downloaded(name), placement(dtype="bfloat16"))
        parts = [p for p in model.pipe.components.values() if isinstance(p, torch.nn.Module)]
        assert len(parts) >= 3
        assert {p.dtype for part in parts for p in part.parameters()} == {torch.bfloat16}
        assert drawn(model, ONE).std() > 5

    @pytest.mark.parametrize("name", NAMES)
    def test_a_vae_may_decode_in_float32(self, name: str, downloaded: Downloaded):
        model = load(downloaded(name), placement(dtype="bfloat16"))
        half = drawn(model, ONE)
        decode_in_float32(model.pipe.vae)
        whole = drawn(model, ONE)
        assert {p.dtype for p in model.pipe.vae.parameters()} == {torch.float32}
        assert 0 < apart(half, whole) < 40

    @pytest.mark.parametrize("rung", ["full", "fp8", "group"])
    def test_a_closed_model_is_gone(self, rung: Rung, downloaded: Downloaded):
        model = load(downloaded("stable-diffusion"), placement(rung))
        drawn(model, ONE)
        parts = [
            weakref.ref(part)
            for part in model.pipe.components.values()
            if isinstance(part, torch.nn.Module)
        ]
        model.close()
        gc.collect()
        assert [part() for part in parts] == [None] * 3

    def test_a_load_can_be_stopped_between_any_two_parts(self, downloaded: Downloaded):
        class Stopped(Exception):
            pass

        def stop_after(steps: int) -> int:
            taken = 0

            def step() -> None:
                nonlocal taken
                taken += 1
                if taken > steps:
                    raise Stopped

            load(downloaded("stable-diffusion"), placement(), step)
            return taken

        every = stop_after(10**9)
        assert every >= 5 + 1
        for steps in range(every):
            with pytest.raises(Stopped):
                stop_after(steps)
        assert stop_after(every) == every


class TestMemory:
    def test_a_run_is_made_smaller_until_nothing_is_left_to_save(self, sd: LoadedPipeline):
        model = replace(sd, together=4)
        asked = TextToImage.ask(count=9, width=1024, height=512)
        told = []
        while step := family.smaller(model, asked):
            model, asked, text = step
            told.append((model.together, model.tiled, asked.width, asked.height))
            assert all(text)
            assert text.en != text.zh
        assert told[:4] == [
            (2, False, 1024, 512),
            (1, False, 1024, 512),
            (1, True, 1024, 512),
            (1, True, 768, 384),
        ]
        assert told[-1] == (1, True, 256, 256)
        assert asked.count == 9
        assert TextToImage.ask(**asked.model_dump()) == asked

    def test_a_tiled_picture_says_so(self, downloaded: Downloaded):
        model = load(downloaded("stable-diffusion"), placement())
        asked = ONE.model_copy(update={"width": 128})
        step = family.smaller(model, asked)
        assert step is not None
        less, same, _ = step
        assert same == asked
        (whole,) = run(model, asked)
        (output,) = run(less, asked)
        assert output.details["decoded"] == "in tiles"
        assert pixels(output.media).shape == (64, 128, 3)
        assert apart(pixels(output.media), pixels(whole.media)) > 0
        # The next visitor's is decoded whole.
        (next_one,) = run(model, asked)
        assert "decoded" not in next_one.details
        assert np.array_equal(pixels(next_one.media), pixels(whole.media))

    def test_the_reckoned_activations_follow_the_wish(self, downloaded: Downloaded):
        entry = downloaded("stable-diffusion")

        def bytes(**values: int) -> int:
            return family.activation_bytes(entry, TextToImage.ask(**values))

        assert bytes() == family.activation_bytes(entry)
        assert bytes(width=1024) == 2 * bytes() == bytes(count=2)
        assert bytes(count=16) == bytes(count=family.TOGETHER)


class TestSafety:
    def test_a_picture_that_the_checker_withholds_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        folder = stable_diffusion(tmp_path / "sd", checker=True)
        monkeypatch.setattr(family, "snapshot", lambda _: folder)
        entry = Entry.model_construct(id="checked", variant="")
        model = load(entry, placement())
        checker = model.pipe.safety_checker
        with torch.no_grad():
            checker.concept_embeds_weights.fill_(2)
            checker.special_care_embeds_weights.fill_(2)
            (good,) = run(model, ONE)
            checker.concept_embeds_weights.fill_(-2)
            (bad,) = run(model, ONE)
        assert good.details["safety"] == "checked"
        assert good.caption is None
        assert pixels(good.media).std() > 0
        assert bad.details["safety"] == "withheld"
        assert bad.caption == family.WITHHELD
        assert pixels(bad.media).max() == 0

    def test_without_a_checker_the_record_says_so(self, sd: LoadedPipeline):
        assert {output.details["safety"] for output in run(sd, ASKED)} == {"not checked"}
