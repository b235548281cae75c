// Entry of the signed-in page: defines the custom elements, and leaves for the sign-in page when the session has ended.
import "/ui/account/account-bar.js";
import "/ui/call/voice-panel.js";
import "/ui/flights/flight-board.js";
import "/ui/transcript/live-transcript.js";
import "/ui/history/past-conversations.js";
import { leaveForSignIn } from "/ui/shared/api.js";

document.documentElement.lang = "en";

// Gradio leaves its page hanging at "Connecting…" when one of its own requests is refused.
const plainFetch = window.fetch;
window.fetch = async (...request) => {
  const response = await plainFetch(...request);
  if (response.status === 401 && new URL(response.url).pathname.startsWith("/gradio_api")) leaveForSignIn();
  return response;
};
