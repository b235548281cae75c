"""The web app: a sign-in page, and an app to call the travel agent, see flights and read transcripts.

Gradio draws the app's layout (`layout.py`). Everything long-lived or secret uses FastAPI routes (`api/`,
`sign_in/`), and everything a browser does alone is a small ES module in `static/`.
"""

from __future__ import annotations

import os

# Gradio reads these at import; without them it requests news from api.gradio.app and sends telemetry.
for _variable, _value in {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
}.items():
    os.environ[_variable] = _value
