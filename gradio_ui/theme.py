"""Gradio's side of how the page looks; the rest is in `static/`, where the sign-in page shares it."""

from __future__ import annotations

import gradio as gr

_SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]


def readback_theme() -> gr.themes.Base:
    """A theme of local fonts only (`GoogleFont` would call out), with the blocks' own boxes and backgrounds taken away."""
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="slate", radius_size="lg", font=_SANS, font_mono=_MONO
    )
    return theme.set(
        body_background_fill="transparent",
        body_background_fill_dark="transparent",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_border_width_dark="0px",
        block_shadow="none",
        block_shadow_dark="none",
        block_padding="0px",
    )
