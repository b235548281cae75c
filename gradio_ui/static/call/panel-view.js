// The elements of the call panel. Controls and text input are in a dock, which a phone shows at the bottom.
import { announcements } from "../shared/announcer.js";
import { h, icon, ICONS } from "../shared/dom.js";

const EXAMPLES = [
  "Show flights from Chennai to Delhi tomorrow morning",
  "What is the cheapest nonstop from London to New York on Friday?",
  "Is AI 542 on time?",
];
const LONGEST_TEXT = 2000;

const button = (testid, kind, path, label, onclick, more = {}) =>
  h(
    "button",
    { type: "button", class: `button ${kind}`, "data-testid": testid, onclick, ...more },
    path && icon(path),
    labelOf(label),
  );
const labelOf = (text) => h("span", { class: "button-label" }, text);
const hidden = { hidden: true };

/** Replaces the label of a button, and its icon if `path` is given. */
export function relabel(target, label, path = null) {
  if (path) target.replaceChildren(icon(path), labelOf(label));
  else target.lastChild.textContent = label;
}

/**
 * Builds the elements. `parts.elements` are those to put into the panel.
 * @param {HTMLElement} meter  the level meter
 * @param {Record<string, Function>} on  handlers of the buttons, `send(text)` for typed text and examples, and `typing` for each key
 */
export function buildPanel(meter, on) {
  const parts = {
    stateText: h("span", { class: "call-state", "data-testid": "call-state" }),
    status: h("div", { class: "for-screen-readers", role: "status", "data-testid": "call-status" }),
    clock: h("span", { class: "call-clock", "aria-hidden": "true" }),
    callButton: button("call", "primary", ICONS.call, "Call", on.call),
    rejoinButton: button("rejoin", "primary", ICONS.call, "Rejoin the call", on.rejoin, hidden),
    muteButton: button("mute", "glass", ICONS.microphone, "Mute", on.mute, {
      ...hidden,
      "aria-pressed": "false",
    }),
    hangUpButton: button("hang-up", "danger", ICONS.hangUp, "Hang up", on.hangUp, hidden),
    soundButton: button("sound", "glass", ICONS.sound, "Turn on sound", on.sound, hidden),
    newConversationButton: button(
      "new-conversation",
      "quiet",
      null,
      "New conversation",
      on.newConversation,
      hidden,
    ),
    flightsButton: button("show-flights", "found", null, "", on.showFlights, hidden),
    notice: h("p", { class: "notice", role: "alert", "data-testid": "notice", hidden: true }),
    restartButton: button("restart", "outline", ICONS.call, "Hang up and call again", on.restart, hidden),
    captions: h("ol", { class: "lines", tabindex: "0", "aria-label": "Captions" }),
    input: textInput(on.typing),
  };
  parts.elements = [
    h("div", { class: "call-dock" }, callBox(parts, meter), composer(parts.input, on.send)),
    parts.notice,
    parts.restartButton,
    h("div", { class: "captions" }, parts.captions, parts.flightsButton),
    parts.status,
    announcements,
    examples(on.send),
  ];
  return parts;
}

function textInput(typing) {
  return h("input", {
    type: "text",
    "aria-label": "Type to the agent",
    placeholder: "Or type here…",
    maxlength: LONGEST_TEXT,
    autocomplete: "off",
    oninput: typing,
    "data-testid": "text-input",
  });
}

function composer(input, send) {
  const submit = (event) => {
    event.preventDefault();
    const text = input.value;
    input.value = "";
    send(text);
  };
  return h(
    "form",
    { class: "composer", onsubmit: submit },
    input,
    h(
      "button",
      { type: "submit", class: "button round", "aria-label": "Send", "data-testid": "send" },
      icon(ICONS.send),
    ),
  );
}

function callBox(parts, meter) {
  return h(
    "div",
    { class: "call-box" },
    h("div", { class: "call-box-top" }, parts.stateText, parts.clock),
    meter,
    h(
      "div",
      { class: "call-box-actions" },
      parts.callButton,
      parts.rejoinButton,
      parts.muteButton,
      parts.hangUpButton,
      parts.soundButton,
      parts.newConversationButton,
    ),
  );
}

function examples(send) {
  const example = (text) =>
    h(
      "button",
      { type: "button", class: "example", "data-testid": "example", onclick: () => send(text) },
      text,
    );
  return h(
    "div",
    { class: "examples", role: "group", "aria-label": "Things to say" },
    h("span", { class: "examples-title" }, "Try saying"),
    ...EXAMPLES.map(example),
  );
}
