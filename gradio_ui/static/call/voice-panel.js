// <voice-panel>: the call. It stays in the page when another tab opens, so that the call continues.
import { ApiError, get, post } from "../shared/api.js";
import { LiveKitCall, loadLiveKit } from "./livekit-call.js";
import { OtherTabs } from "./other-tabs.js";
import { conversation } from "../shared/conversation.js";
import { h, icon, ICONS } from "../shared/dom.js";
import { newId } from "../shared/ids.js";
import { openMicrophone } from "./microphone.js";
import { TranscriptView } from "../transcript/transcript-view.js";
import { LevelMeter } from "./level-meter.js";

const STATES = {
  idle: "Ready when you are",
  offer: "You have a call running",
  connecting: "Connecting…",
  listening: "Listening",
  thinking: "Thinking…",
  speaking: "Speaking",
  reconnecting: "Reconnecting…",
  moved: "This call moved to another tab or device",
  ended: "Call ended",
  failed: "The call could not start",
};
const IN_CALL = ["connecting", "listening", "thinking", "speaking", "reconnecting"];
const EXAMPLES = [
  "Show flights from Chennai to Delhi tomorrow morning",
  "What is the cheapest nonstop from London to New York on Friday?",
  "Is AI 542 on time?",
];
const LONGEST_TEXT = 2000;

class VoicePanel extends HTMLElement {
  #call = null;
  #access = null;
  #attempt = null;
  #state = "idle";
  #started = 0;
  #clock = 0;
  #otherTabs = new OtherTabs(() =>
    this.#call && IN_CALL.includes(this.#state) ? this.#access?.call_id : null,
  );
  #levelMeter = new LevelMeter();

  connectedCallback() {
    if (this.childElementCount) return;
    this.#build();
    this.#setState("idle");
    conversation.addEventListener("switched", () => this.#showCaptions());
    conversation.addEventListener("continue", () => this.start());
    conversation.addEventListener("flights", ({ detail }) => this.#showFlightsButton(detail.search));
    document.addEventListener(
      "visibilitychange",
      () => document.hidden || this.#call || this.#offerRunning(),
    );
    this.#showCaptions();
    this.#offerRunning();
  }

  /** Calls the agent in the shown conversation, or in a new one if none is shown. */
  async start({ microphone = true } = {}) {
    if (IN_CALL.includes(this.#state)) return;
    this.#setState("connecting");
    this.#notice();
    const track = microphone ? openMicrophone() : null; // not awaited: the server starts the call meanwhile
    track?.catch(() => {});
    const newCall = {
      request_id: newId(),
      conversation_id: conversation.id,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
    await this.#startAttempt(
      () => post("/api/calls", newCall),
      track,
      (call) => post(`/api/calls/${call.call_id}/end`),
    );
  }

  /** Rejoins the offered call. */
  async rejoin() {
    const track = openMicrophone();
    track.catch(() => {});
    this.#setState("connecting");
    this.#notice();
    await this.#startAttempt(() => post(`/api/calls/${this.#access.call_id}/rejoin`), track);
  }

  /** Hangs up. The call ends for both sides. */
  async hangUp() {
    const call = this.#call;
    const callId = this.#access?.call_id;
    if (!callId && !IN_CALL.includes(this.#state)) return;
    if (this.#attempt) Object.assign(this.#attempt, { hungUp: true, ended: callId });
    this.#setState("ended");
    this.callButton.focus({ preventScroll: true });
    // If the call has no id yet, `#join` ends it when the id arrives.
    const ending = callId ? post(`/api/calls/${callId}/end`) : Promise.resolve();
    await Promise.allSettled([call?.leave(), ending]);
    ending.catch((error) => this.#notice(error.message));
    conversation.dispatchEvent(new Event("calls"));
  }

  /** Joins the call that `ask` returns. If that fails or the caller hangs up, `undo` ends the call. */
  #startAttempt(ask, track, undo = () => {}) {
    const before = this.#attempt?.over; // an earlier attempt may still be ending its call
    const attempt = (this.#attempt = { hungUp: false, ended: null });
    return (attempt.over = this.#join(attempt, before, { ask, track, undo }));
  }

  async #join(attempt, before, { ask, track, undo }) {
    const checkWanted = () => {
      if (attempt.hungUp) throw new Error("hung up");
    };
    let access = null;
    try {
      loadLiveKit();
      await before;
      checkWanted();
      access = await ask();
      checkWanted();
      this.#access = access;
      conversation.show(access.conversation_id);
      const call = (this.#call = new LiveKitCall());
      this.#listen(call);
      await call.join(access, track);
      checkWanted();
      conversation.dispatchEvent(new Event("calls"));
      this.#started = Date.now();
      this.#levelMeter.start((side) => call.level(side));
      if (document.activeElement === this.callButton || document.activeElement === document.body)
        this.hangUpButton.focus({ preventScroll: true });
    } catch (error) {
      track?.then((microphone) => microphone.stop()).catch(() => {});
      if (access && access.call_id !== attempt.ended) await Promise.resolve(undo(access)).catch(() => {});
      if (!attempt.hungUp) return this.#failed(error);
      conversation.dispatchEvent(new Event("calls"));
    }
  }

  #failed(error) {
    this.#call = null;
    if (error.reason === "CALL_RUNNING" && error.details.call) return this.#offer(error.details.call);
    if (error.reason === "CALL_ENDED") return this.#setState("ended", "That call has ended. You can call again.");
    if (error.reason === "CONVERSATION_ENDED" || error.reason === "CONVERSATION_NOT_FOUND")
      conversation.show(null);
    this.#setState("failed");
    this.#notice(
      error instanceof ApiError ? error.message : "The call server can't be reached. Try again in a moment.",
    );
  }

  #listen(call) {
    const on = (type, handle) =>
      call.addEventListener(type, ({ detail }) => call === this.#call && handle(detail));
    on("state", ({ state, message }) => this.#setState(state, message));
    on("caption", (caption) => conversation.log.caption(caption));
    on("flights", (search) => conversation.addSearch(search));
    on("sound", ({ blocked }) => (this.soundButton.hidden = !blocked));
    on("microphone", (microphone) => this.#microphone(microphone));
  }

  async #offerRunning() {
    const before = this.#state;
    try {
      const { call } = await get("/api/calls/running");
      // Stop if the caller has started or joined a call meanwhile.
      if (this.#state !== before || IN_CALL.includes(before)) return;
      if (call) await this.#offer(call);
      else if (before === "offer") this.#setState("idle");
    } catch (error) {
      if (this.#state === "idle") this.#notice(error.message);
    }
  }

  /** Offers to rejoin a running call, for example after a reload or from another device. */
  async #offer(call) {
    const before = this.#state;
    const elsewhere = await this.#otherTabs.areIn(call.call_id);
    if (this.#state !== before) return; // the caller has rejoined or hung up meanwhile
    conversation.show(call.conversation_id);
    this.#access = call;
    this.#setState("offer", elsewhere ? "This call is open in another tab" : "");
    this.rejoinButton.lastChild.textContent = elsewhere ? "Move the call here" : "Rejoin the call";
  }

  #sendText(text) {
    const message = text.trim();
    if (!message) return;
    const id = newId();
    const starting = IN_CALL.includes(this.#state) ? null : this.start({ microphone: false });
    // A new call first shows its new conversation. The message must go into the log of that conversation.
    Promise.resolve(starting).then(() => {
      if (!this.#call) return void (this.input.value ||= message);
      conversation.log.typed(id, message);
      this.#call.sendMessage(message);
    });
  }

  #setState(state, message = "") {
    this.#state = state;
    this.dataset.state = state;
    this.stateText.textContent = message || STATES[state];
    const inCall = IN_CALL.includes(state);
    const offered = state === "offer" || state === "moved";
    conversation.inCall = inCall;
    if (!inCall && !offered) this.#access = null;
    this.callButton.hidden = inCall || offered;
    this.callButton.lastChild.textContent = conversation.id ? "Call again" : "Call";
    this.rejoinButton.hidden = !offered;
    if (state === "moved") this.rejoinButton.lastChild.textContent = "Take it back";
    this.muteButton.hidden = !inCall;
    this.hangUpButton.hidden = !inCall && state !== "offer";
    this.newConversationButton.hidden = inCall || offered || !conversation.id;
    if (!inCall) this.#endCall();
    else if (!this.#clock) this.#clock = setInterval(() => this.#tick(), 500);
  }

  #endCall() {
    clearInterval(this.#clock);
    this.#clock = 0;
    this.#started = 0;
    this.clock.textContent = "";
    this.soundButton.hidden = true;
    this.#levelMeter.stop();
    this.#call = null;
  }

  #tick() {
    if (!this.#started) return;
    const seconds = Math.floor((Date.now() - this.#started) / 1000);
    this.clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  #microphone({ on, muted, problem }) {
    const label = !on ? "Turn on microphone" : muted ? "Unmute" : "Mute";
    this.muteButton.setAttribute("aria-pressed", String(muted));
    this.muteButton.dataset.microphone = on ? (muted ? "muted" : "on") : "off";
    this.muteButton.replaceChildren(icon(on && !muted ? ICONS.microphone : ICONS.microphoneOff), label);
    this.#notice(problem?.message);
  }

  #toggleMicrophone() {
    const { microphone } = this.muteButton.dataset;
    if (microphone === "off") this.#call?.useMicrophone();
    else this.#call?.setMuted(microphone !== "muted");
  }

  #notice(text = "") {
    this.notice.textContent = text;
    this.notice.hidden = !text;
  }

  /** Replaces the captions with those of the shown conversation. */
  #showCaptions() {
    this.view?.stop();
    this.view = new TranscriptView(conversation.log, {
      list: this.captions,
      testid: "caption",
      only: "line",
      announce: this.announcer,
    });
    this.captions.hidden = false;
    if (this.callButton && !IN_CALL.includes(this.#state))
      this.#setState(this.#state === "ended" || this.#state === "failed" ? "idle" : this.#state);
  }

  #build() {
    const button = (testid, kind, path, label, onclick, more = {}) =>
      h(
        "button",
        { type: "button", class: `button ${kind}`, "data-testid": testid, onclick, ...more },
        icon(path),
        label,
      );
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Call");
    this.stateText = h("span", { class: "call-state", role: "status", "data-testid": "call-state" });
    this.clock = h("span", { class: "call-clock", "aria-hidden": "true" });
    this.callButton = button("call", "primary", ICONS.call, "Call", () => this.start());
    this.rejoinButton = button("rejoin", "primary", ICONS.call, "Rejoin the call", () => this.rejoin(), {
      hidden: true,
    });
    this.muteButton = button("mute", "glass", ICONS.microphone, "Mute", () => this.#toggleMicrophone(), {
      hidden: true,
      "aria-pressed": "false",
    });
    this.hangUpButton = button("hang-up", "danger", ICONS.hangUp, "Hang up", () => this.hangUp(), {
      hidden: true,
    });
    this.soundButton = button(
      "sound",
      "glass",
      ICONS.sound,
      "Turn on sound",
      () => this.#call?.startSound(),
      { hidden: true },
    );
    this.newConversationButton = h(
      "button",
      {
        type: "button",
        class: "button quiet",
        "data-testid": "new-conversation",
        hidden: true,
        onclick: () => conversation.show(null),
      },
      "New conversation",
    );
    this.flightsButton = h(
      "button",
      {
        type: "button",
        class: "button found",
        "data-testid": "show-flights",
        hidden: true,
        onclick: () => this.#showFlights(),
      },
      "",
    );
    this.notice = h("p", { class: "notice", role: "alert", "data-testid": "notice", hidden: true });
    this.captions = h("ol", { class: "lines", tabindex: "0", "aria-label": "Captions" });
    this.announcer = h("div", { class: "for-screen-readers", "aria-live": "polite" });
    this.input = h("input", {
      type: "text",
      "aria-label": "Type to the agent",
      placeholder: "Or type here…",
      maxlength: LONGEST_TEXT,
      autocomplete: "off",
      "data-testid": "text-input",
      oninput: () => this.#call?.typing(),
    });
    const composer = h(
      "form",
      { class: "composer", onsubmit: (event) => this.#typed(event) },
      this.input,
      h(
        "button",
        { type: "submit", class: "button round", "aria-label": "Send", "data-testid": "send" },
        icon(ICONS.send),
      ),
    );
    const examples = EXAMPLES.map((text) =>
      h(
        "button",
        { type: "button", class: "example", "data-testid": "example", onclick: () => this.#sendText(text) },
        text,
      ),
    );
    this.append(
      h(
        "div",
        { class: "call-box" },
        h("div", { class: "call-box-top" }, this.stateText, this.clock),
        this.#levelMeter.element,
        h(
          "div",
          { class: "call-box-actions" },
          this.callButton,
          this.rejoinButton,
          this.muteButton,
          this.hangUpButton,
          this.soundButton,
          this.newConversationButton,
        ),
      ),
      this.notice,
      this.captions,
      this.flightsButton,
      this.announcer,
      h(
        "div",
        { class: "examples", role: "group", "aria-label": "Things to say" },
        h("span", { class: "examples-title" }, "Try saying"),
        ...examples,
      ),
      composer,
    );
  }

  /** Shows a button that leads to the flights, if they are outside the screen or in another tab. */
  #showFlightsButton({ flights = [] }) {
    const board = document.querySelector("flight-board");
    const { top, width } = board.getBoundingClientRect();
    this.flightsButton.hidden = !flights.length || (width > 0 && top < innerHeight - 120);
    this.flightsButton.textContent = `Show ${flights.length} ${flights.length === 1 ? "flight" : "flights"}`;
  }

  #showFlights() {
    this.flightsButton.hidden = true;
    document.querySelector("#tabs [role=tab]").click();
    document.querySelector("#tabs").scrollIntoView({ behavior: "smooth" });
  }

  #typed(event) {
    event.preventDefault();
    const text = this.input.value;
    this.input.value = "";
    this.#sendText(text);
  }
}

customElements.define("voice-panel", VoicePanel);
