"""Ink on paper, one seal: the suite's colours and type as a Gradio theme."""

from pathlib import Path

import gradio as gr

STYLE = [Path(__file__).with_name(name) for name in ("style.css", "text.css")]

INK = gr.themes.Color(
    name="ink",
    c50="#faf8f4",
    c100="#f3efe8",
    c200="#e5dfd4",
    c300="#cfc6b8",
    c400="#a39a8c",
    c500="#7a7267",
    c600="#5a534a",
    c700="#423c35",
    c800="#2a2622",
    c900="#1c1917",
    c950="#12100e",
)
SEAL = gr.themes.Color(
    name="seal",
    c50="#fdf3f1",
    c100="#fbe3df",
    c200="#f5c3bb",
    c300="#ec988b",
    c400="#de6553",
    c500="#c8412f",
    c600="#b0301f",
    c700="#922619",
    c800="#76211a",
    c900="#5f1f19",
    c950="#350e0b",
)
SANS = (
    "Inter",
    "Segoe UI",
    "Helvetica Neue",
    "Noto Sans",
    "Noto Sans CJK SC",
    "PingFang SC",
    "Microsoft YaHei",
    "system-ui",
    "sans-serif",
)
MONO = ("ui-monospace", "SF Mono", "Cascadia Mono", "Noto Sans Mono", "monospace")


def theme() -> gr.themes.Base:
    """No web fonts, no boxes; the seal only on the one thing to do."""
    return gr.themes.Base(
        primary_hue=SEAL,
        secondary_hue=INK,
        neutral_hue=INK,
        font=list(SANS),
        font_mono=list(MONO),
        radius_size=gr.themes.sizes.radius_sm,
        spacing_size=gr.themes.sizes.spacing_md,
        text_size=gr.themes.sizes.text_md,
    ).set(
        body_background_fill="#faf8f4",
        body_background_fill_dark="#12100e",
        body_text_color="#1c1917",
        body_text_color_dark="#f3efe8",
        body_text_color_subdued="#5a534a",
        body_text_color_subdued_dark="#cfc6b8",
        background_fill_primary="#fffdf9",
        background_fill_primary_dark="#1c1917",
        background_fill_secondary="#faf8f4",
        background_fill_secondary_dark="#12100e",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="#5a534a",
        block_label_text_color_dark="#cfc6b8",
        block_title_text_color="#5a534a",
        block_title_text_color_dark="#cfc6b8",
        block_info_text_color="#5a534a",
        block_info_text_color_dark="#cfc6b8",
        block_title_text_weight="500",
        block_title_text_size="*text_sm",
        block_padding="0px",
        input_background_fill="#fffdf9",
        input_background_fill_dark="#1c1917",
        input_border_color="#cfc6b8",
        input_border_color_dark="#423c35",
        input_border_width="1px",
        border_color_primary="#e5dfd4",
        border_color_primary_dark="#2a2622",
        panel_background_fill="transparent",
        panel_background_fill_dark="transparent",
        button_primary_background_fill="#b0301f",
        button_primary_background_fill_hover="#922619",
        button_primary_background_fill_dark="#b0301f",
        button_primary_background_fill_hover_dark="#c8412f",
        button_primary_text_color="#ffffff",
        button_primary_shadow="none",
        button_secondary_background_fill="transparent",
        button_secondary_background_fill_dark="transparent",
        button_secondary_border_color="#cfc6b8",
        button_secondary_border_color_dark="#423c35",
        slider_color="#b0301f",
        slider_color_dark="#c8412f",
        link_text_color="#b0301f",
        link_text_color_dark="#ec988b",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
    )
