"""All modalities as pages of one app, or one of them alone."""

import gradio as gr

from aigc_core.tasks import ContinueText, Request
from aigc_core.tasks.image import SampleImages
from apps.image import IMAGE
from apps.models.page import draw as draw_models
from apps.text import TEXT
from apps.ui.demo import Modality
from apps.ui.home import draw_home
from apps.ui.pages import MODELS, draw_modality, header
from apps.ui.serve import blocks, without_servers

MODALITIES: tuple[Modality, ...] = (IMAGE, TEXT)

# What a visitor is likely to ask for first; see apps/ui/warm.py.
FIRST: tuple[type[Request], ...] = (SampleImages, ContinueText)


@without_servers()
def build() -> gr.Blocks:
    """The suite: a home page, a page per modality, and one of the models."""
    with blocks() as suite:
        header(MODALITIES, here="")
        draw_home(MODALITIES)
    for modality in MODALITIES:
        with suite.route(modality.title.en, f"/{modality.path}", show_in_navbar=False):
            header(MODALITIES, here=modality.path)
            draw_modality(modality)
    path, title = MODELS
    with suite.route(title.en, f"/{path}", show_in_navbar=False):
        header(MODALITIES, here=path)
        draw_models()
    return suite


@without_servers()
def build_alone(modality: Modality) -> gr.Blocks:
    """One modality as an app of its own."""
    with blocks() as app:
        header((), here="")
        draw_modality(modality)
    return app
