"""The layout of the web app in Gradio: the voice panel, which is always visible, and tabs next to it.

Each part is a custom element from `static/`, inserted with an HTML template that contains no data. Gradio
puts rendered templates into a JavaScript template literal, so data in a template could run as code. The
elements load their data as JSON from this app's routes.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Request

from gradio_ui.sign_in.browser_sessions import BrowserSession

STATIC = Path(__file__).parent / "static"
HEAD = (STATIC / "head.html").read_text("utf-8")
TABS = {
    "flights": ("Flights", "flight-board"),
    "transcript": ("Transcript", "live-transcript"),
    "history": ("History", "past-conversations"),
}
"""Label and custom element of each tab, by tab id."""
_SANS = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]


def build() -> gr.Blocks:
    """Return the layout as Gradio blocks, with its limits on concurrent events."""
    blocks = gr.Blocks(title="Readback", analytics_enabled=False)
    with blocks:
        account = _element("account-bar", on_load=_SHOW_VALUE, elem_id="account")
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="call"):
                _element("voice-panel")
            with gr.Column(scale=8, min_width=320, elem_id="tabs"), gr.Tabs(selected="flights"):
                for name, (label, element) in TABS.items():
                    # Hidden tabs are rendered too, because they must receive events before they are opened.
                    with gr.Tab(label, id=name, elem_id=f"tab-{name}", render_children=True):
                        _element(element)
        blocks.load(
            signed_in_account,
            None,
            account,
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=None,
        )
    # By default all users share 40 threads. When all are busy, further events wait without a timeout.
    blocks.max_threads = 400
    blocks.queue(default_concurrency_limit=16, api_open=False)
    # Gradio looks for new events, and for progress that this app doesn't show, in loops. Their pauses of
    # milliseconds cost 4 % of a core.
    blocks._queue.sleep_when_free = 0.1
    blocks._queue.progress_update_sleep_when_free = 10.0
    return blocks


def mount(app: FastAPI, blocks: gr.Blocks, public_url: str) -> None:
    """Serve the layout at `/` for signed-in customers, and disable the features of Gradio it doesn't use.

    `public_url` is READBACK_PUBLIC_URL; if it is empty, Gradio takes its address from each request.
    """
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        root_path=public_url or None,
        auth_dependency=signed_in_customer,
        head=HEAD,
        theme=_theme(),
        footer_links=[],
        run_history=False,  # it would write all inputs to the browser's local storage
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=True,
    )


def signed_in_customer(request: Request) -> str | None:
    """Return the customer's id as Gradio's user name, or None. Gradio writes the name into the HTML."""
    session: BrowserSession | None = request.state.session
    return session.cookie.customer_id if session else None


def signed_in_account(request: gr.Request) -> dict[str, str]:
    """Return name and e-mail address of the customer whose session the request has, for the account bar."""
    session: BrowserSession | None = request.state.session
    return {"display_name": session.cookie.display_name, "email": session.cookie.email} if session else {}


_SHOW_VALUE = """
const show = () => { element.firstElementChild.account = props.value; };
customElements.whenDefined('account-bar').then(() => { show(); watch('value', show); });
"""


def _element(tag: str, on_load: str | None = None, elem_id: str | None = None) -> gr.HTML:
    return gr.HTML(
        value=None,
        html_template=f"<{tag}></{tag}>",
        js_on_load=on_load,
        elem_id=elem_id,
        apply_default_css=False,
        container=False,
        padding=False,
    )


def _theme() -> gr.themes.Base:
    """Return a theme without Gradio's boxes. It uses local fonts, because `GoogleFont` loads from Google."""
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
