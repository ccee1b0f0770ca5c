"""Draws the models page."""

from pathlib import Path

import gradio as gr

from apps.models import words
from apps.models.adding import draw_adding
from apps.models.orders import act, look
from apps.ui.language import both
from apps.ui.markup import heading

SCRIPT = Path(__file__).with_suffix(".js")


def draw() -> None:
    """Draws the page into the current context."""
    gr.HTML(heading(words.TITLE, words.LINE), padding=False)
    gr.HTML(
        html_template='<div data-live="page"></div>'
        f"<template data-lost>{both(words.LOST)}</template>",
        js_on_load=SCRIPT.read_text("utf-8"),
        server_functions=[look, act],
        elem_id="models",
    )
    draw_adding()
