import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Output, Preview, Progress
from aigc_core.families import text_to_image as family
from aigc_core.families.pipelines import decode_in_float32
from aigc_core.families.text_to_image import BATCHED_TOLERANCE, LoadedPipeline, load, text_to_image
from aigc_core.footprint import Rung
from aigc_core.gate import Gate
from aigc_core.media import pixels
from aigc_core.placement import Placement
from aigc_core.tasks import TextToImage
from tests.stand_ins import BUILDERS, stable_diffusion
from tests.waiting import SOON, end, start, until

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")

Downloaded = Callable[[str], Entry]
NAMES = ("stable-diffusion", "sdxl", "flux")
ASKED = TextToImage.ask(
    prompt="the lighthouse",
    negative="fog",
    steps=3,
    guidance=5.0,
    width=64,
    height=64,
    count=3,
    seed=2**31 - 2,
)
ONE = ASKED.model_copy(update={"count": 1})


def placement(rung: Rung = "full", **changes: Any) -> Placement:
    return replace(Placement("cpu", "float32", Gate(), batching=True, rung=rung), **changes)


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, downloaded: Downloaded) -> Iterator[LoadedPipeline]:
    made = load(downloaded(request.param), placement())
    yield made
    made.close()


@pytest.fixture(scope="module")
def sd(downloaded: Downloaded) -> Iterator[LoadedPipeline]:
    made = load(downloaded("stable-diffusion"), placement())
    yield made
    made.close()


def run(model: LoadedPipeline, request: TextToImage) -> tuple[Output, ...]:
    (*_, last) = text_to_image(model, request)
    assert isinstance(last, Finished)
    return last.outputs


def drawn(model: LoadedPipeline, request: TextToImage) -> np.ndarray:
    return np.stack([pixels(output.media) for output in run(model, request)])


def raw(folder: Path, request: TextToImage, seeds: list[int]) -> np.ndarray:
    """What the library draws by itself."""
    from diffusers import DiffusionPipeline

    pipe = DiffusionPipeline.from_pretrained(folder, use_safetensors=True, local_files_only=True)
    pipe.set_progress_bar_config(disable=True)
    negative = {"negative_prompt": [request.negative] * len(seeds)}
    made = pipe(
        prompt=[request.prompt] * len(seeds),
        **({} if "Flux" in type(pipe).__name__ else negative),
        num_inference_steps=request.steps,
        guidance_scale=request.guidance,
        width=request.width,
        height=request.height,
        generator=[torch.Generator().manual_seed(seed) for seed in seeds],
    )
    return np.stack([np.asarray(picture) for picture in made.images])


def apart(a: np.ndarray, b: np.ndarray) -> int:
    """The largest difference in levels."""
    return int(np.abs(a.astype(int) - b.astype(int)).max())


class Denoised:
    """Counts the steps of a pipeline, and may do something in each."""

    def __init__(self, model: LoadedPipeline, do: Callable[[int], None] = lambda _: None) -> None:
        part = getattr(model.pipe, "unet", None) or model.pipe.transformer
        self.count, self.do = 0, do
        self.hook = part.register_forward_hook(self)

    def __call__(self, *_: Any) -> None:
        self.count += 1
        self.do(self.count)

    def __enter__(self) -> "Denoised":
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.remove()


class TestPictures:
    @pytest.mark.parametrize("name", NAMES)
    def test_they_are_those_that_the_library_draws(
        self, name: str, downloaded: Downloaded, stand_in: Callable[[str], Path]
    ):
        model = load(downloaded(name), placement())
        seeds = [ASKED.seed_of(place) for place in range(3)]
        assert seeds == [2**31 - 2, 2**31 - 1, 0]
        ours = drawn(model, ASKED)
        assert ours.shape == (3, 64, 64, 3)
        assert ours.dtype == np.uint8
        for picture, seed in zip(ours, seeds, strict=True):
            assert np.array_equal(picture, raw(stand_in(name), ASKED, [seed])[0])
        model.together = 3
        assert np.array_equal(drawn(model, ASKED), raw(stand_in(name), ASKED, seeds))

    def test_one_is_the_same_alone_and_among_others(self, model: LoadedPipeline):
        all_of_them = run(model, ASKED)
        assert len({output.media.pixels.tobytes() for output in all_of_them}) == 3
        for place, output in enumerate(all_of_them):
            alone = run(model, ONE.model_copy(update={"seed": ASKED.seed_of(place)}))[0]
            assert np.array_equal(pixels(output.media), pixels(alone.media))
            assert (output.seed, output.details["index"]) == (ASKED.seed_of(place), place)
            assert output.tolerance == alone.tolerance == 0

    def test_drawn_together_they_are_nearly_the_same(self, model: LoadedPipeline):
        batched = replace(model, together=2)
        outputs = run(batched, ASKED)
        assert [output.tolerance for output in outputs] == [BATCHED_TOLERANCE] * 2 + [0]
        together = np.stack([pixels(output.media) for output in outputs])
        assert apart(together, drawn(model, ASKED)) <= BATCHED_TOLERANCE

    @pytest.mark.parametrize(
        "change", [{"prompt": "a cat"}, {"negative": ""}, {"guidance": 1.0}, {"steps": 2}]
    )
    def test_every_setting_reaches_the_pipeline(self, change: dict[str, Any], sd: LoadedPipeline):
        assert apart(drawn(sd, ONE), drawn(sd, ONE.model_copy(update=change))) > 0

    def test_sides_are_those_asked_for(self, model: LoadedPipeline):
        wide = ONE.model_copy(update={"width": 96, "height": 64})
        assert drawn(model, wide).shape == (1, 64, 96, 3)

    def test_sides_that_the_model_cannot_draw_are_refused(self, downloaded: Downloaded):
        model = load(downloaded("flux"), placement())
        for name, label in (("width", ("Width", "宽")), ("height", ("Height", "高"))):
            with pytest.raises(InvalidRequest, match="multiple of 16") as caught:
                next(text_to_image(model, ONE.model_copy(update={name: 72})))
            assert all(word in text for word, text in zip(label, caught.value.text, strict=True))

    def test_the_random_numbers_of_others_are_left_alone(self, model: LoadedPipeline):
        before = torch.get_rng_state()
        drawn(model, ONE)
        assert torch.equal(torch.get_rng_state(), before)

    def test_what_is_not_read_of_a_prompt_is_told(self, model: LoadedPipeline):
        (output,) = run(model, ONE.model_copy(update={"prompt": "灯" * 40}))
        tokens = len(model.pipe.tokenizer("灯" * 40).input_ids)
        longest = max(
            tokenizer.model_max_length
            for name, tokenizer in model.pipe.components.items()
            if name.startswith("tokenizer")
        )
        assert output.details["unread_tokens"] == tokens - longest > 0
        assert "unread_tokens" not in run(model, ONE)[0].details


class TestEvents:
    def test_every_step_is_told(self, model: LoadedPipeline):
        told: list[Progress] = []
        taken = threading.Condition()

        def wait(step: int) -> None:
            # The bridge keeps the latest Progress alone, so each step waits for the one before.
            with taken:
                assert taken.wait_for(lambda: len(told) >= step, SOON)

        with Denoised(model, wait):
            for event in text_to_image(model, ASKED):
                if isinstance(event, Progress):
                    with taken:
                        told.append(event)
                        taken.notify_all()
        assert isinstance(event, Finished)
        assert [event.step for event in told] == list(range(10))
        assert {event.total for event in told} == {9}

    @pytest.mark.parametrize("name", ["stable-diffusion", "sdxl"])
    def test_a_preview_is_a_small_sheet(self, name: str, downloaded: Downloaded):
        model = load(downloaded(name), placement())
        previews = [e for e in text_to_image(model, ASKED) if isinstance(e, Preview)]
        assert previews
        for event in previews:
            assert pixels(event.media).shape == (8, 24, 3)
        last = pixels(previews[-1].media)
        for place, output in enumerate(run(model, ASKED)[:2]):
            small = last[:, 8 * place : 8 * place + 8].astype(float).mean()
            assert abs(small - pixels(output.media).mean()) < 1

    def test_latents_without_a_known_map_give_no_preview(self, downloaded: Downloaded):
        model = load(downloaded("flux"), placement())
        assert not [e for e in text_to_image(model, ONE) if isinstance(e, Preview)]

    def test_noise_about_nothing_is_grey(self, sd: LoadedPipeline):
        from aigc_core.families.latent_preview import rgb

        pictures = rgb(sd.pipe, torch.zeros(2, 4, 3, 5))
        assert pictures is not None
        assert [picture.shape for picture in pictures] == [(3, 5, 3)] * 2
        assert {int(value) for picture in pictures for value in picture.flat} == {127}


class TestStopping:
    def test_it_stops_within_a_step_and_works_afterwards(self, model: LoadedPipeline):
        before = drawn(model, ONE)
        with Denoised(model) as denoised:
            stream = text_to_image(model, ASKED.model_copy(update={"steps": 50}))
            while not (isinstance(event := next(stream), Progress) and event.step):
                pass
            told = denoised.count
            stream.close()
            assert denoised.count <= told + 2
            ended = denoised.count
        assert ended < 40
        assert np.array_equal(drawn(model, ONE), before)

    def test_a_failure_in_a_step_comes_through_and_it_works_afterwards(self, model: LoadedPipeline):
        before = drawn(model, ONE)

        def fail(step: int) -> None:
            if step == 2:
                raise torch.OutOfMemoryError("out of memory")

        with Denoised(model, fail), pytest.raises(torch.OutOfMemoryError):
            list(text_to_image(model, ONE))
        end(start(lambda: enter(model.placement.gate)))
        assert np.array_equal(drawn(model, ONE), before)

    def test_a_build_gets_in_between_two_steps(self, model: LoadedPipeline):
        many = ONE.model_copy(update={"steps": 12})
        before = drawn(model, many)
        gate, reached, steps = model.placement.gate, threading.Event(), list[int]()

        def build() -> None:
            with gate.building():
                # As a load does; a step beside it would make tensors of this dtype.
                torch.set_default_dtype(torch.bfloat16)
                steps.append(denoised.count)
                torch.set_default_dtype(torch.float32)

        def reach(step: int) -> None:
            if step == 3:
                reached.set()
                until(lambda: gate._builds_waiting)

        with Denoised(model, reach) as denoised:
            pictures: list[np.ndarray] = []
            drawing = start(lambda: pictures.append(drawn(model, many)))
            assert reached.wait(SOON)
            building = start(build)
            end(building, drawing)
        assert steps == [3]
        assert np.array_equal(pictures[0], before)

    def test_a_suspended_run_keeps_no_build_waiting(self, sd: LoadedPipeline):
        for _ in text_to_image(sd, ONE):
            end(start(lambda: enter(sd.placement.gate)))


def enter(gate: Gate) -> None:
    with gate.building():
        pass


class TestHolding:
    @pytest.mark.parametrize("name", NAMES)
    def test_group_offload_draws_the_same(self, name: str, downloaded: Downloaded):
        full, model = (load(downloaded(name), placement(rung)) for rung in ("full", "group"))  # type: ignore[arg-type]
        assert np.array_equal(drawn(model, ONE), drawn(full, ONE))
        assert np.array_equal(drawn(model, ONE), drawn(full, ONE))

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
            asked, text = step
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
        sd.pipe.vae.disable_tiling()

    def test_a_tiled_picture_says_so(self, downloaded: Downloaded):
        model = load(downloaded("stable-diffusion"), placement())
        asked = ONE.model_copy(update={"width": 128})
        step = family.smaller(model, asked)
        assert step is not None
        assert step[0] == asked
        (output,) = run(model, asked)
        assert output.details["decoded"] == "in tiles"
        assert pixels(output.media).shape == (64, 128, 3)

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

    def test_without_a_checker_the_record_says_so(self, model: LoadedPipeline):
        assert {output.details["safety"] for output in run(model, ASKED)} == {"not checked"}


def test_every_stand_in_of_a_pipeline_is_tried():
    assert {*NAMES} == {name for name in BUILDERS if name not in ("qwen3", "gpt2")}
