"""Pretrained pipelines that draw what a text says: Stable Diffusion, SDXL, SD3, Flux and others.

One pipeline does one job at a time: its scheduler keeps the state of the run.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from inspect import signature
from typing import Any

import numpy as np

from aigc_core.bridge import run_in_thread
from aigc_core.catalog import Entry
from aigc_core.errors import InvalidRequest
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.latent_preview import rgb, thumbnail
from aigc_core.families.pipelines import build
from aigc_core.families.pretrained import snapshot
from aigc_core.footprint import Rung
from aigc_core.media import Image, sheet
from aigc_core.placement import Placement
from aigc_core.tasks.base import Request
from aigc_core.tasks.pictures import TextToImage
from aigc_core.text import Text

SHARED = False
RUNGS: tuple[Rung, ...] = ("full", "fp8", "offload", "group", "sequential")

# Pictures that an accelerator draws at a time; a CPU is no faster with several.
TOGETHER = 4
# A batch computes in another order than one picture alone, in levels of 255.
BATCHED_TOLERANCE = 2.0
SMALLEST = 256  # px; below it no side is made smaller to save memory
# Numbers for each pixel at the peak, in the last layers of Stable Diffusion's VAE: its tensors are
# 768, the rest is room for the convolutions. A denoiser, at an eighth of the side, takes less.
PEAK = 1024
USUAL = TextToImage()

Events = Generator[FamilyEvent, None, None]
Emit = Callable[[Progress | Preview], None]

READING = Text("reading the prompt", "正在读取提示词")
DRAWING = Text("denoising", "正在去噪")
DECODING = Text("decoding", "正在解码")
WITHHELD = Text(
    "Withheld by the model's safety checker: it took the picture for an unsafe one.",
    "已被模型的安全检查器拦截：它判定此图不安全。",
)
SIDES = Text(
    "{label} must be a multiple of {factor} for this model.",
    "对此模型，“{label}”必须是 {factor} 的倍数。",
)
FEWER = Text("{count} at a time are drawn", "每次只画 {count} 幅")
TILED = Text("pictures are decoded tile by tile", "图片分块解码")
LOWER = Text("pictures of {width}x{height} px", "图片改为 {width}x{height} 像素")


@dataclass
class LoadedPipeline:
    """A pipeline on its device.

    Args:
        together: pictures that it draws at a time.
        tiled: its VAE decodes tile by tile, which large pictures show a little.
    """

    pipe: Any
    placement: Placement
    together: int
    tiled: bool = False
    takes: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.takes = frozenset(signature(self.pipe.__call__).parameters)

    @property
    def factor(self) -> int:
        """What its sides are multiples of; Transformers read latents in patches of two."""
        factor = int(getattr(self.pipe, "vae_scale_factor", 8))
        return 2 * factor if getattr(self.pipe, "transformer", None) is not None else factor

    @property
    def checked(self) -> bool:
        """Whether a safety checker looks at its pictures."""
        return getattr(self.pipe, "safety_checker", None) is not None

    def unread(self, prompt: str) -> int:
        """Tokens at the end of a prompt that none of its text encoders reads."""
        names = [name for name in self.pipe.components if name.startswith("tokenizer")]
        return min(
            (
                max(0, len(tokenizer(prompt, verbose=False).input_ids) - tokenizer.model_max_length)
                for name in names
                if (tokenizer := getattr(self.pipe, name)) is not None
            ),
            default=0,
        )

    def close(self) -> None:
        if self.placement.rung == "offload":
            self.pipe.remove_all_hooks()
        self.pipe = None


def load(
    entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None
) -> LoadedPipeline:
    """The pipeline in its downloaded files, on the placement's device.

    Raises:
        ModelUnavailable: its files are not here or not whole, or the installed libraries cannot
            run it.
    """
    pipe = build(entry, snapshot(entry), placement, step)
    return LoadedPipeline(pipe, placement, 1 if placement.device == "cpu" else TOGETHER)


def text_to_image(model: LoadedPipeline, request: TextToImage) -> Events:
    """Pictures of a prompt; each `Preview` is a small sheet of them as far as they are drawn."""
    for name in ("width", "height"):
        if getattr(request, name) % model.factor:
            label = request.shown(name).label
            raise InvalidRequest(SIDES, label=label, factor=model.factor)
    yield Progress(0, request.steps * request.count, READING)

    def work(emit: Emit) -> list[Output]:
        return drawn(model, request, emit)

    outputs = yield from run_in_thread(work)
    yield Finished(tuple(outputs))


def drawn(model: LoadedPipeline, request: TextToImage, emit: Emit) -> list[Output]:
    """Draws all pictures, part by part; works in a thread of its own."""
    details: dict[str, Any] = {"safety": "checked" if model.checked else "not checked"}
    if unread := model.unread(request.prompt):
        details["unread_tokens"] = unread
    if model.tiled:
        details["decoded"] = "in tiles"
    decode_in_tiles(model)
    outputs: list[Output] = []
    small: list[np.ndarray] = []
    for start in range(0, request.count, model.together):
        places = range(start, min(start + model.together, request.count))
        pictures, withheld = draw(model, request, places, small, emit)
        small += [thumbnail(picture) for picture in pictures]
        outputs += [
            Output(
                Image(picture),
                seed=request.seed_of(place),
                details={"index": place, **details, **({"safety": "withheld"} if held else {})},
                tolerance=BATCHED_TOLERANCE if len(places) > 1 else 0.0,
                caption=WITHHELD if held else None,
            )
            for place, picture, held in zip(places, pictures, withheld, strict=True)
        ]
    return outputs


def draw(
    model: LoadedPipeline,
    request: TextToImage,
    places: range,
    small: list[np.ndarray],
    emit: Emit,
) -> tuple[list[np.ndarray], list[bool]]:
    """Pictures (h, w, 3) uint8, and of each whether the safety checker withheld it.

    A picture's noise depends on its own seed alone, and comes from the CPU's generator, so that
    it is the same for every device.

    Args:
        small: the pictures before these, as previews show them.
    """
    import torch

    pipe, gate = model.pipe, model.placement.gate
    total = request.steps * request.count
    before = request.steps * places.start

    with gate.step() as pause:

        def told(_: Any, step: int, __: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            share = (step + 1) / getattr(pipe, "num_timesteps", request.steps)
            done = before + round(min(share, 1.0) * request.steps * len(places))
            emit(Progress(done, total, DRAWING if share < 1 else DECODING))
            if (seen := rgb(pipe, tensors.get("latents"))) is not None:
                emit(Preview(together(request, [*small, *seen]), step=done))
            pause()
            return tensors

        settings = {
            "prompt": [request.prompt] * len(places),
            "negative_prompt": [request.negative] * len(places),
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance,
            "width": request.width,
            "height": request.height,
            "generator": [torch.Generator().manual_seed(request.seed_of(p)) for p in places],
            "callback_on_step_end": told,
        }
        if not request.negative:
            del settings["negative_prompt"]
        try:
            made = pipe(**{name: settings[name] for name in settings if name in model.takes})
        finally:
            # A run that ends early leaves on the device what offloading brought there.
            pipe.maybe_free_model_hooks()
    withheld = getattr(made, "nsfw_content_detected", None) or [False] * len(places)
    return [np.asarray(picture.convert("RGB")) for picture in made.images], withheld


def together(request: TextToImage, pictures: list[np.ndarray]) -> Image:
    """Small pictures on one sheet with a place for each that is asked for."""
    height, width = pictures[-1].shape[:2]
    room = np.zeros((request.count, height, width, 3), np.uint8)
    for place, picture in enumerate(pictures[: request.count]):
        h, w = min(height, picture.shape[0]), min(width, picture.shape[1])
        room[place, :h, :w] = picture[:h, :w]
    return sheet(room, columns=min(request.count, 4))


def decode_in_tiles(model: LoadedPipeline) -> None:
    """Lets the VAE decode tile by tile for this run, or whole, as the settings say."""
    vae: Any = getattr(model.pipe, "vae", None)
    if model.tiled:
        vae.enable_tiling()
    elif getattr(vae, "use_tiling", False):
        vae.disable_tiling()


def smaller(
    model: LoadedPipeline, request: TextToImage
) -> tuple[LoadedPipeline, TextToImage, Text] | None:
    """The same wish with less memory, and what changes; None where nothing is left to save.

    The model is the same, with settings for this run alone.
    """
    if min(model.together, request.count) > 1:
        less = replace(model, together=min(model.together, request.count) // 2)
        return less, request, FEWER.fill(count=less.together)
    vae: Any = getattr(model.pipe, "vae", None)
    if not model.tiled and hasattr(vae, "enable_tiling") and larger_than_a_tile(vae, request):
        return replace(model, tiled=True), request, TILED
    width, height = (
        max(min(side, SMALLEST), side * 3 // 4 // model.factor * model.factor)
        for side in (request.width, request.height)
    )
    if (width, height) == (request.width, request.height):
        return None
    lower = request.model_copy(update={"width": width, "height": height})
    return model, lower, LOWER.fill(width=width, height=height)


def larger_than_a_tile(vae: Any, request: TextToImage) -> bool:
    tile: int = getattr(vae, "tile_sample_min_size", 0) or getattr(
        vae, "tile_sample_min_height", 512
    )
    return max(request.width, request.height) > tile


def activation_bytes(entry: Entry, request: TextToImage | None = None) -> int:  # noqa: ARG001
    """A rough bound of what a run takes beyond the weights, in float32."""
    wish = request or USUAL
    return wish.width * wish.height * min(wish.count, TOGETHER) * PEAK * 4


ANSWERS: dict[type[Request], Answer] = {TextToImage: text_to_image}
