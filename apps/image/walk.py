"""Between two seeds: a walk through latent space, along the sphere and straight through it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_core.artifact import Artifact
from aigc_core.events import Progress, Result
from aigc_core.exports import file_name
from aigc_core.media import Animation, sheet
from aigc_core.tasks.image import InterpolateImages
from aigc_core.text import Text
from apps.ui.controls import control
from apps.ui.language import both, t
from apps.ui.markup import animation, lede, picture
from apps.ui.runs import events, guarded, progress

TITLE = Text("Between two seeds", "两个种子之间")
LEDE = Text(
    "Every seed is a point in latent space. slerp walks along the sphere on which noise lies; "
    "lerp takes the chord, where points are shorter than nearly all it was trained on.",
    "每个种子是潜空间中的一个点。slerp 沿噪声所在的球面走；"
    "lerp 沿弦直行，弦上的点比训练时见过的绝大多数点都短。",
)
PATHS = ("slerp", "lerp")


def draw(model: gr.components.Component, tab: gr.Tab) -> gr.components.Component:
    """Draws the panel into the current context; opening its tab takes the first walk.

    Returns:
        The choice of a class, which the page hides where the model knows none.
    """
    gr.HTML(lede(LEDE), padding=False)
    with gr.Row(elem_classes=["choices"]):
        label = control(InterpolateImages, "label", info=None, scale=3)
        seed = control(InterpolateImages, "seed", info=None, label=t(Text("From seed", "起点种子")))
        seed_to = control(InterpolateImages, "seed_to", info=None)
        steps = control(InterpolateImages, "steps", info=None)
    with gr.Row(elem_classes=["small", "left"]):
        go = gr.Button(t(Text("Walk", "开始漫步")), variant="primary", size="sm", elem_id="walk-go")
        saves = [
            gr.DownloadButton(
                t(Text("Save {path} GIF", "保存 {path} GIF").fill(path=path)),
                size="sm",
                interactive=False,
            )
            for path in PATHS
        ]
    view = gr.HTML(padding=False, elem_id="walk")
    gr.on(
        [go.click, tab.select],
        interpolate,
        [seed, seed_to, label, steps, model],
        [view, *saves],
        api_name="image_walk",
        show_progress="hidden",
    )
    return label


@guarded
async def interpolate(
    seed: Any, seed_to: Any, label: Any, steps: Any, model: Any, web: gr.Request
) -> AsyncIterator[tuple[Any, ...]]:
    walks: list[Artifact] = []
    for path in PATHS:
        request = InterpolateImages.ask(
            seed=seed, seed_to=seed_to, label=label, steps=steps, path=path
        )
        async with aclosing(events(request, model, web)) as stream:
            async for event in stream:
                if isinstance(event, Progress):
                    yield progress(event), gr.skip(), gr.skip()
                elif isinstance(event, Result):
                    walks.append(event.artifacts[0])
    with tempfile.TemporaryDirectory() as folder:
        files = [
            str(walk.save(Path(folder) / f"{path}-{file_name(walk)}"))
            for path, walk in zip(PATHS, walks, strict=True)
        ]
        moving = [Path(file).read_bytes() for file in files]
        yield (
            "".join(map(strip, PATHS, walks, moving)),
            *(gr.update(value=file, interactive=True) for file in files),
        )


def strip(path: str, walk: Artifact, gif: bytes) -> str:
    """One path: the moving picture, and its steps in a row."""
    assert isinstance(walk.media, Animation)
    frames = walk.media.frames
    name = next(
        choice.name for choice in InterpolateImages.shown("path").choices if choice.value == path
    )
    steps = picture(sheet(frames, columns=min(len(frames), 12)), walk.record.describe())
    return (
        f'<figure class="walk"><figcaption>{both(name)}</figcaption>'
        f"{animation(gif, walk.record.describe())}{steps}</figure>"
    )
