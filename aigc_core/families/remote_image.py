"""Image models behind an inference endpoint or an inference provider, by huggingface_hub's client.

An endpoint is a URL that takes `{"inputs": prompt, "parameters": {...}}` and answers with a picture
(https://huggingface.co/docs/inference-providers/tasks/text-to-image). A provider is named as
huggingface_hub names it, such as `fal-ai`; its own key goes to itself, one of Hugging Face to the
router that bills the account.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING

import numpy as np

from aigc_core.bridge import run_async
from aigc_core.catalog import Entry
from aigc_core.events import FamilyEvent, Finished, Output, Preview, Progress
from aigc_core.families import Answer
from aigc_core.families.remote import ANY, ASKING, CONNECT, Remote, check, connect
from aigc_core.families.remote_errors import Malformed, NotServed
from aigc_core.hub.causes import of_exception as of_hub
from aigc_core.media import Image
from aigc_core.placement import Placement
from aigc_core.tasks import Request, TextToImage
from aigc_core.text import Text

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["ANSWERS", "SHARED", "check", "load"]

SHARED = True

LARGEST_SIDE = 4096

DRAWING = Text("{host} draws", "{host} 正在绘制")


def load(entry: Entry, placement: Placement, step: Callable[[], None] = lambda: None) -> Remote:
    """The address of the model; raises as `connect`."""
    step()
    return connect(entry, placement)


def draw(model: Remote, request: TextToImage) -> Generator[FamilyEvent, None, None]:
    """The pictures, one call for each, a `Preview` of each as it arrives."""
    progress = Progress(0, request.count, ASKING.fill(host=model.host))

    async def events() -> AsyncGenerator[FamilyEvent, None]:
        nonlocal progress
        outputs: list[Output] = []
        if not model.is_url:
            await asyncio.to_thread(look_up, model)
        async with model.client() as client:
            for place in range(request.count):
                seed = request.seed_of(place)
                picture = await client.text_to_image(
                    request.prompt,
                    negative_prompt=request.negative or None,
                    width=request.width,
                    height=request.height,
                    num_inference_steps=request.steps,
                    guidance_scale=request.guidance,
                    seed=seed,
                )
                image = to_image(model, picture)
                details = {"index": place, **model.details}
                outputs.append(Output(image, seed, details, tolerance=ANY))
                note = DRAWING.fill(host=model.host)
                progress = Progress(place + 1, request.count, note)
                yield progress
                yield Preview(image, place + 1)
        yield Finished(tuple(outputs))

    yield from run_async(events, lambda: progress)


def look_up(model: Remote) -> None:
    """Nothing where the provider serves the model, as the hub knows it.

    huggingface_hub asks the hub again, but without a time limit.

    Raises:
        NotServed: it does not.
        HubError: the hub does not say.
    """
    from huggingface_hub import HfApi

    served = model.entry.served
    try:
        info = HfApi().model_info(served, expand=["inferenceProviderMapping"], timeout=CONNECT)
    except Exception as error:
        raise of_hub(error, served) or error from error
    known = {mapping.provider for mapping in info.inference_provider_mapping or ()}
    if model.address not in known:
        raise NotServed(model.id, model.host, served)


def to_image(model: Remote, picture: "Picture") -> Image:
    """The pixels of a picture that a server sent.

    Raises:
        Malformed: it is larger than anybody asked for.
        OSError: it is damaged.
    """
    if max(picture.size) > LARGEST_SIDE:
        raise Malformed(model.id, model.host)
    return Image(np.asarray(picture.convert("RGB")))


ANSWERS: dict[type[Request], Answer] = {TextToImage: draw}
