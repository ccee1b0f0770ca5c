import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from aigc_core.errors import InvalidRequest
from aigc_core.events import Finished, Preview, Progress
from aigc_core.families.text_to_image import BATCHED_TOLERANCE, LoadedPipeline, load, text_to_image
from aigc_core.gate import Gate
from aigc_core.media import pixels
from aigc_core.tasks import TextToImage
from tests.families.drawing import ASKED, NAMES, ONE, Downloaded, apart, drawn, placement, run
from tests.stand_ins import BUILDERS
from tests.waiting import SOON, end, start, until

pytest_plugins = ("tests.cores", "tests.downloaded")
pytestmark = pytest.mark.usefixtures("one_core")


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


def raw(pipe: Any, request: TextToImage, seeds: list[int]) -> np.ndarray:
    """What the library draws by itself."""
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
    def test_they_are_those_that_the_library_draws(self, name: str, downloaded: Downloaded):
        model = load(downloaded(name), placement())
        seeds = [ASKED.seed_of(place) for place in range(3)]
        assert seeds == [2**31 - 2, 2**31 - 1, 0]
        ours = drawn(model, ASKED)
        assert ours.shape == (3, 64, 64, 3)
        assert ours.dtype == np.uint8
        for picture, seed in zip(ours, seeds, strict=True):
            assert np.array_equal(picture, raw(model.pipe, ASKED, [seed])[0])
        model.together = 3
        assert np.array_equal(drawn(model, ASKED), raw(model.pipe, ASKED, seeds))

    @pytest.mark.parametrize("name", NAMES)
    def test_the_pipeline_is_the_one_that_the_library_loads(
        self, name: str, downloaded: Downloaded, stand_in: Callable[[str], Path]
    ):
        from diffusers import DiffusionPipeline

        model = load(downloaded(name), placement())
        theirs = DiffusionPipeline.from_pretrained(
            stand_in(name), use_safetensors=True, local_files_only=True
        )
        assert type(model.pipe) is type(theirs)
        for ours, library in ((model.pipe, theirs), (model.pipe.scheduler, theirs.scheduler)):
            settings = dict(library.config)
            settings.pop("_name_or_path", None)
            assert settings.items() <= dict(ours.config).items()
        # Their weights lie elsewhere in memory, and the CPU adds up in another order for that.
        assert apart(drawn(model, ONE), raw(theirs, ONE, [ONE.seed])) <= 1

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


WRITERS = ("qwen3", "gpt2", "thinker", "t5", "marian-en-zh", "marian-zh-en")


def test_every_stand_in_of_a_pipeline_is_tried():
    assert {*NAMES} == {name for name in BUILDERS if name not in WRITERS}
