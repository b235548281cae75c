"""The web app: customers sign in, call the travel agent, see flights and read transcripts.

Gradio renders the app's layout (`layout.py`). FastAPI routes (`api/`, `sign_in/`) handle streams, calls and
all secrets. ES modules in `static/` contain the code that runs in the browser.
"""

from __future__ import annotations

import os

# Gradio reads these variables at import. Without them it contacts api.gradio.app and sends telemetry.
for _variable, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}.items():
    os.environ[_variable] = _value
