"""The page: the voice panel, which stays while tabs change, and the tabs beside it.

Each part is a custom element from `static/`, placed by a template that holds no data at all: Gradio puts what a template
renders into a JavaScript template literal, so data in it could run. Data reaches the elements as JSON, over routes of this app.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from fastapi import FastAPI, Request

from gradio_ui.sign_in.browser_sessions import Session
from gradio_ui.theme import readback_theme

STATIC = Path(__file__).parent / "static"
HEAD = (STATIC / "head.html").read_text("utf-8")
TABS = {
    "flights": ("Flights", "flight-board"),
    "transcript": ("Transcript", "live-transcript"),
    "history": ("History", "past-conversations"),
}
"""Id of each tab, its label, and the element in it."""


def build() -> gr.Blocks:
    """The page as Gradio blocks, with bounds on what it runs at once."""
    page = gr.Blocks(title="Readback", analytics_enabled=False)
    with page:
        account = _element("account-bar", on_load=_SHOW_VALUE)
        with gr.Row(elem_id="stage", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="call"):
                _element("voice-panel")
            with gr.Column(scale=8, min_width=320, elem_id="desk"), gr.Tabs(selected="flights"):
                for name, (label, element) in TABS.items():
                    # Rendered at once, hidden or not: what is said before the first visit is in there too.
                    with gr.Tab(label, id=name, elem_id=f"tab-{name}", render_children=True):
                        _element(element)
        page.load(
            who_is_signed_in,
            None,
            account,
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=None,
        )
    # Gradio's default of 40 threads is shared by every event of every reader: the 41st would wait for ever.
    page.max_threads = 400
    page.queue(default_concurrency_limit=16, api_open=False)
    return page


def mount(app: FastAPI, page: gr.Blocks) -> None:
    """Puts the page at `/`, for signed-in customers, with everything off that it doesn't use."""
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth_dependency=signed_in_customer,
        head=HEAD,
        theme=readback_theme(),
        footer_links=[],
        run_history=False,  # would write every input, passwords too, to the browser's local storage
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=True,
    )


def signed_in_customer(request: Request) -> str | None:
    """Gradio's name for the user, from the sign-in alone. It is written into the page, so it is an id and no secret."""
    session: Session | None = request.state.session
    return session.sign_in.customer_id if session else None


def who_is_signed_in(request: gr.Request) -> dict[str, str]:
    """What the account bar shows. The person comes from the request's sign-in, never from what the page sends."""
    session: Session | None = request.state.session
    return {"display_name": session.sign_in.display_name, "email": session.sign_in.email} if session else {}


_SHOW_VALUE = """
const show = () => { element.firstElementChild.account = props.value; };
customElements.whenDefined('account-bar').then(() => { show(); watch('value', show); });
"""


def _element(tag: str, on_load: str | None = None) -> gr.HTML:
    return gr.HTML(
        value=None,
        html_template=f"<{tag}></{tag}>",
        js_on_load=on_load,
        apply_default_css=False,
        container=False,
        padding=False,
    )
