// Entry point of the web app. It loads the custom elements, and opens the sign-in page when a session ends.
import "/ui/account/account-bar.js";
import "/ui/call/voice-panel.js";
import "/ui/flights/flight-board.js";
import "/ui/transcript/live-transcript.js";
import "/ui/history/past-conversations.js";
import { openSignIn } from "/ui/shared/api.js";

document.documentElement.lang = "en";

// Without this, Gradio's page would stay at "Connecting…" when its own requests are refused.
const plainFetch = window.fetch;
window.fetch = async (...request) => {
  const response = await plainFetch(...request);
  if (response.status === 401 && new URL(response.url).pathname.startsWith("/gradio_api")) openSignIn();
  return response;
};
