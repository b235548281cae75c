// Entry point of the web app. It loads the custom elements, and opens the sign-in page when a session ends.
import "./account/account-bar.js";
import "./call/voice-panel.js";
import "./flights/flight-board.js";
import "./transcript/live-transcript.js";
import "./history/past-conversations.js";
import { openSignIn, urlOf } from "./shared/api.js";
import { addTabKeys } from "./shared/tab-keys.js";

document.documentElement.lang = "en";
addTabKeys();
// Gradio's page advertises Gradio wherever it is shared.
for (const tag of document.querySelectorAll('meta[property^="og:"], meta[name^="twitter:"]')) tag.remove();

// Without this, Gradio's page would stay at "Connecting…" when its own requests are refused.
const plainFetch = window.fetch;
window.fetch = async (...request) => {
  const response = await plainFetch(...request);
  if (response.status === 401 && response.url.startsWith(urlOf("/gradio_api"))) openSignIn();
  return response;
};
