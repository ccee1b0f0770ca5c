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
from aigc_core.hub import settings
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
TASK = "text-to-image"

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
    """Finds the provider's own name of the model, as the hub knows it.

    huggingface_hub would ask the hub by itself: without a time limit, and with the account's token
    whoever the hub is. It does not where it knows the answer.

    Raises:
        NotServed: the provider does not serve it, or not for this.
        HubError: the hub does not say.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.inference._providers._common import HARDCODED_MODEL_INFERENCE_MAPPING

    served = model.entry.served
    hub = HfApi(endpoint=settings.endpoint(), token=settings.token() or False)
    try:
        info = hub.model_info(served, expand=["inferenceProviderMapping"], timeout=CONNECT)
    except Exception as error:
        if cause := of_hub(error, served):
            raise cause from error
        raise
    for mapping in info.inference_provider_mapping or ():
        if mapping.provider == model.address and mapping.task == TASK:
            HARDCODED_MODEL_INFERENCE_MAPPING.setdefault(model.address, {})[served] = mapping
            return
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
