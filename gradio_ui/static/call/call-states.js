// States of the call panel, and their words.

const WORDS = {
  idle: "Ready when you are",
  offer: "You have a call running",
  connecting: "Connecting…",
  listening: "Listening",
  thinking: "Thinking…",
  speaking: "Speaking",
  reconnecting: "Reconnecting…",
  moved: "This call moved to another tab or device",
  ended: "Call ended",
  unanswered: "No agent answered",
  failed: "The call could not start",
};
/** Words for "listening" when the caller can't be heard, by the state of the microphone. */
const UNHEARD = {
  starting: "Turning on your microphone…",
  muted: "Muted",
  off: "Microphone off. You can type.",
};
/** Words for the end of a call, by the reason in the log. */
const ENDINGS = {
  NO_AGENT: "No agent answered",
  AGENT_HUNG_UP: "The agent ended the call",
  CUSTOMER_SILENT: "The call ended after a long silence",
  CUSTOMER_LOST: "The call ended because the connection was lost",
};
const IN_CALL = ["connecting", "listening", "thinking", "speaking", "reconnecting"];
const CONVERSING = ["listening", "thinking", "speaking"];

export const isInCall = (state) => IN_CALL.includes(state);
/** Returns whether agent and caller can hear each other. */
export const isConversing = (state) => CONVERSING.includes(state);
/** Returns whether a call can be joined from this tab. */
export const isOffered = (state) => state === "offer" || state === "moved";

/**
 * Returns the words for a state.
 * @param {{message: string, microphone: string, late: boolean, place: number, reason?: string}} details
 *   `microphone` is "starting", "on", "muted" or "off"; `place` is the place in line for an
 *   agent, 0 if unknown; `reason` is that of the end in the log
 */
export function wordsFor(state, { message, microphone, late, place, reason }) {
  if (state === "connecting" && place)
    return `You are ${place === 1 ? "next" : `number ${place}`} in line for an agent`;
  if (state === "ended" && ENDINGS[reason]) return ENDINGS[reason];
  if (message) return message;
  if (late && (state === "listening" || state === "thinking")) return "No answer yet";
  return (state === "listening" && UNHEARD[microphone]) || WORDS[state];
}
