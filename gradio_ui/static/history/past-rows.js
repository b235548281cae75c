// Rows of the history list: a conversation, or a search result.
import { h } from "../shared/dom.js";

const WHEN = new Intl.DateTimeFormat([], {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const WHO = { SPEAKER_CUSTOMER: "You", SPEAKER_AGENT: "Readback" };

export const when = (time) => (time ? WHEN.format(new Date(time)) : "");
export const titleOf = (title) => title || "Call without a question";

/** Builds the row of a `Conversation`. */
export function pastRow(one, onclick) {
  const running = one.running_call ? h("span", { class: "tag live" }, "in a call") : null;
  return row(
    { "data-testid": "past-conversation", "data-conversation-id": one.conversation_id, onclick },
    h("span", { class: "past-title" }, titleOf(one.title), running),
    h("span", { class: "past-when" }, when(one.create_time)),
  );
}

/** Builds the row of a `FoundEntry`. */
export function foundRow({ entry, conversation_title: title, snippet = [] }, onclick) {
  const words = snippet.map(({ text, matched }) => (matched ? h("mark", {}, text) : text));
  return row(
    {
      "data-testid": "found-entry",
      "data-conversation-id": entry.conversation_id,
      "data-number": entry.number,
      onclick,
    },
    h("span", { class: "past-title" }, titleOf(title)),
    h("span", { class: "past-when" }, when(entry.start_time ?? entry.commit_time)),
    h(
      "span",
      { class: "past-words" },
      h("b", {}, `${WHO[entry.utterance?.speaker] ?? "Unknown"}: `),
      ...words,
    ),
  );
}

function row(attributes, ...parts) {
  return h("li", {}, h("button", { type: "button", class: "past-row", ...attributes }, ...parts));
}
