// Announcements for screen readers. While the microphone is open there are none, because a screen reader that
// speaks through the loudspeakers would be heard as the caller.
import { h } from "./dom.js";

export const announcements = h("div", { class: "for-screen-readers", "aria-live": "polite" });
let microphoneOpen = false;

/** @param {boolean} open  true while the caller's voice reaches the agent */
export function setMicrophoneOpen(open) {
  microphoneOpen = open;
}

export function announce(text) {
  if (!microphoneOpen) announcements.textContent = text;
}
