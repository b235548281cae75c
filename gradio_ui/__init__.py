"""The web app: a sign-in page and one page to call the travel agent, see flights and read transcripts.

Gradio draws the page (`page.py`); everything that lives long or is secret goes through FastAPI routes beside it (`calls.py`,
`feed.py`, `history.py`, `sign_in.py`), and everything a browser does alone is a small ES module in `static/`.
"""

from __future__ import annotations

import os

# Gradio reads these when it is imported; without them it asks api.gradio.app for news and sends telemetry.
for _variable, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}.items():
    os.environ[_variable] = _value
