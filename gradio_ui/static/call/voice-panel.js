// <voice-panel>: the call. Stays on the page whatever tab is open, so that a call outlives what is looked at meanwhile.
import { Failure, get, post } from "/ui/shared/api.js";
import { Call, loadLiveKit } from "/ui/call/livekit-call.js";
import { OtherTabs } from "/ui/call/other-tabs.js";
import { conversation } from "/ui/shared/conversation.js";
import { h, icon, ICONS } from "/ui/shared/dom.js";
import { openMicrophone } from "/ui/call/microphone.js";
import { TranscriptView } from "/ui/transcript/transcript-view.js";
import { Waveform } from "/ui/call/level-meter.js";

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
const EXAMPLES = ["Show flights from Chennai to Delhi tomorrow morning", "What is the cheapest nonstop from London to New York on Friday?", "Is AI 542 on time?"];
const LONGEST_TEXT = 2000;

class VoicePanel extends HTMLElement {
  #call = null;
  #offered = null;
  #entering = null;
  #state = "idle";
  #started = 0;
  #clock = 0;
  #others = new OtherTabs(() => (this.#call && IN_CALL.includes(this.#state) ? this.#offered?.call_id : null));
  #waveform = new Waveform();

  connectedCallback() {
    if (this.childElementCount) return;
    this.#build();
    this.#become("idle");
    conversation.addEventListener("switched", () => this.#follow());
    conversation.addEventListener("continue", () => this.start());
    conversation.addEventListener("flights", ({ detail }) => this.#offerFlights(detail.search));
    document.addEventListener("visibilitychange", () => document.hidden || this.#call || this.#offerRunning());
    this.#follow();
    this.#offerRunning();
  }

  /** Calls the agent, in the conversation the page shows or in a new one. */
  async start({ microphone = true } = {}) {
    if (IN_CALL.includes(this.#state)) return;
    this.#become("connecting");
    this.#notice();
    const track = microphone ? openMicrophone() : null; // the browser's question and the server's work at the same time
    track?.catch(() => {});
    const wish = { request_id: crypto.randomUUID(), conversation_id: conversation.id, time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
    await this.#enter(() => post("/api/calls", wish), track, (call) => post(`/api/calls/${call.call_id}/end`));
  }

  /** Goes back into the call that was offered. */
  async rejoin() {
    const track = openMicrophone();
    track.catch(() => {});
    this.#become("connecting");
    this.#notice();
    await this.#enter(() => post(`/api/calls/${this.#offered.call_id}/rejoin`), track);
  }

  /** Ends the call, for the agent too. */
  async hangUp() {
    const call = this.#call;
    const callId = this.#offered?.call_id;
    if (!callId && !IN_CALL.includes(this.#state)) return;
    if (this.#entering) Object.assign(this.#entering, { hungUp: true, ended: callId });
    this.#become("ended");
    this.callButton.focus({ preventScroll: true });
    const ending = callId ? post(`/api/calls/${callId}/end`) : Promise.resolve(); // else `#goIn` ends it as soon as it has an id
    await Promise.allSettled([call?.leave(), ending]);
    ending.catch((failure) => this.#notice(failure.message));
    conversation.dispatchEvent(new Event("calls"));
  }

  /** `undo` takes back what `ask` has done when the room can't be joined after all, or isn't to be any more. */
  #enter(ask, track, undo = () => {}) {
    const before = this.#entering?.over; // one that was hung up may still have a call to take back
    const entering = (this.#entering = { hungUp: false, ended: null });
    return (entering.over = this.#goIn(entering, before, { ask, track, undo }));
  }

  async #goIn(entering, before, { ask, track, undo }) {
    const stillWanted = () => {
      if (entering.hungUp) throw new Error("hung up");
    };
    let access = null;
    try {
      loadLiveKit();
      await before;
      stillWanted();
      access = await ask();
      stillWanted();
      this.#offered = access;
      conversation.show(access.conversation_id);
      const call = (this.#call = new Call());
      this.#listen(call);
      await call.join(access, track);
      stillWanted();
      conversation.dispatchEvent(new Event("calls"));
      this.#started = Date.now();
      this.#waveform.start((side) => call.level(side));
      if (document.activeElement === this.callButton || document.activeElement === document.body) this.hangUpButton.focus({ preventScroll: true });
    } catch (failure) {
      track?.then((microphone) => microphone.stop()).catch(() => {});
      if (access && access.call_id !== entering.ended) await Promise.resolve(undo(access)).catch(() => {});
      if (!entering.hungUp) return this.#failed(failure);
      conversation.dispatchEvent(new Event("calls"));
    }
  }

  #failed(failure) {
    this.#call = null;
    if (failure.reason === "CALL_RUNNING" && failure.details.call) return this.#offer(failure.details.call);
    if (failure.reason === "CALL_ENDED") return this.#become("ended", "That call is over.");
    if (failure.reason === "CONVERSATION_ENDED" || failure.reason === "CONVERSATION_NOT_FOUND") conversation.show(null);
    this.#become("failed");
    this.#notice(failure instanceof Failure ? failure.message : "The call server can't be reached. Try again in a moment.");
  }

  #listen(call) {
    const on = (type, handle) => call.addEventListener(type, ({ detail }) => call === this.#call && handle(detail));
    on("state", ({ state, message }) => this.#become(state, message));
    on("caption", (caption) => conversation.log.caption(caption));
    on("flights", (search) => conversation.found(search));
    on("sound", ({ blocked }) => (this.soundButton.hidden = !blocked));
    on("microphone", (microphone) => this.#microphone(microphone));
  }

  async #offerRunning() {
    const before = this.#state;
    try {
      const { call } = await get("/api/calls/running");
      if (this.#state !== before || IN_CALL.includes(before)) return; // the caller was quicker
      if (call) await this.#offer(call);
      else if (before === "offer") this.#become("idle");
    } catch (failure) {
      if (this.#state === "idle") this.#notice(failure.message);
    }
  }

  /** A call is running, here before a reload or somewhere else: nothing is taken over without asking. */
  async #offer(call) {
    const before = this.#state;
    const elsewhere = await this.#others.hold(call.call_id);
    if (this.#state !== before) return; // rejoined or hung up meanwhile
    conversation.show(call.conversation_id);
    this.#offered = call;
    this.#become("offer", elsewhere ? "This call is open in another tab" : "");
    this.rejoinButton.lastChild.textContent = elsewhere ? "Move the call here" : "Rejoin the call";
  }

  #say(text) {
    const words = text.trim();
    if (!words) return;
    const id = crypto.randomUUID();
    const begin = IN_CALL.includes(this.#state) ? null : this.start({ microphone: false });
    // A call in a new conversation begins by showing that one, so the line is written once the page is there.
    Promise.resolve(begin).then(() => {
      if (!this.#call) return void (this.input.value ||= words);
      conversation.log.typed(id, words);
      this.#call.say(id, words);
    });
  }

  #become(state, message = "") {
    this.#state = state;
    this.dataset.state = state;
    this.stateText.textContent = message || STATES[state];
    const inCall = IN_CALL.includes(state);
    const offered = state === "offer" || state === "moved";
    conversation.inCall = inCall;
    if (!inCall && !offered) this.#offered = null;
    this.callButton.hidden = inCall || offered;
    this.callButton.lastChild.textContent = conversation.id ? "Call again" : "Call";
    this.rejoinButton.hidden = !offered;
    if (state === "moved") this.rejoinButton.lastChild.textContent = "Take it back";
    this.muteButton.hidden = !inCall;
    this.hangUpButton.hidden = !inCall && state !== "offer";
    this.freshButton.hidden = inCall || offered || !conversation.id;
    if (!inCall) this.#rest();
    else if (!this.#clock) this.#clock = setInterval(() => this.#tick(), 500);
  }

  #rest() {
    clearInterval(this.#clock);
    this.#clock = 0;
    this.#started = 0;
    this.clock.textContent = "";
    this.soundButton.hidden = true;
    this.#waveform.stop();
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

  /** Draws the captions of the conversation the page now shows. */
  #follow() {
    this.view?.stop();
    this.view = new TranscriptView(conversation.log, { list: this.captions, testid: "caption", only: "line", announce: this.announcer });
    this.captions.hidden = false;
    if (this.callButton && !IN_CALL.includes(this.#state)) this.#become(this.#state === "ended" || this.#state === "failed" ? "idle" : this.#state);
  }

  #build() {
    const button = (testid, kind, path, label, onclick, more = {}) =>
      h("button", { type: "button", class: `button ${kind}`, "data-testid": testid, onclick, ...more }, icon(path), label);
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Call");
    this.stateText = h("span", { class: "call-state", role: "status", "data-testid": "call-state" });
    this.clock = h("span", { class: "call-clock", "aria-hidden": "true" });
    this.callButton = button("call", "primary", ICONS.call, "Call", () => this.start());
    this.rejoinButton = button("rejoin", "primary", ICONS.call, "Rejoin the call", () => this.rejoin(), { hidden: true });
    this.muteButton = button("mute", "glass", ICONS.microphone, "Mute", () => this.#toggleMicrophone(), { hidden: true, "aria-pressed": "false" });
    this.hangUpButton = button("hang-up", "danger", ICONS.hangUp, "Hang up", () => this.hangUp(), { hidden: true });
    this.soundButton = button("sound", "glass", ICONS.sound, "Turn on sound", () => this.#call?.startSound(), { hidden: true });
    this.freshButton = h("button", { type: "button", class: "button quiet", "data-testid": "new-conversation", hidden: true, onclick: () => conversation.show(null) }, "New conversation");
    this.foundButton = h("button", { type: "button", class: "button found", "data-testid": "show-flights", hidden: true, onclick: () => this.#showFlights() }, "");
    this.notice = h("p", { class: "notice", role: "alert", "data-testid": "notice", hidden: true });
    this.captions = h("ol", { class: "lines", tabindex: "0", "aria-label": "Captions" });
    this.announcer = h("div", { class: "for-screen-readers", "aria-live": "polite" });
    this.input = h("input", { type: "text", "aria-label": "Type to the agent", placeholder: "Or type here…", maxlength: LONGEST_TEXT, autocomplete: "off", "data-testid": "text-input" });
    const composer = h("form", { class: "composer", onsubmit: (event) => this.#typed(event) }, this.input,
      h("button", { type: "submit", class: "button round", "aria-label": "Send", "data-testid": "send" }, icon(ICONS.send)));
    const examples = EXAMPLES.map((text) => h("button", { type: "button", class: "example", "data-testid": "example", onclick: () => this.#say(text) }, text));
    this.append(
      h("div", { class: "radio" }, h("div", { class: "radio-top" }, this.stateText, this.clock), this.#waveform.element,
        h("div", { class: "radio-actions" }, this.callButton, this.rejoinButton, this.muteButton, this.hangUpButton, this.soundButton, this.freshButton)),
      this.notice, this.captions, this.foundButton, this.announcer,
      h("div", { class: "examples", role: "group", "aria-label": "Things to say" }, h("span", { class: "examples-title" }, "Try saying"), ...examples),
      composer,
    );
  }

  /** Flights that came where they can't be seen: on a phone they are below, on any screen another tab may be open. */
  #offerFlights({ flights = [] }) {
    const board = document.querySelector("flight-board");
    const { top, width } = board.getBoundingClientRect();
    this.foundButton.hidden = !flights.length || (width > 0 && top < innerHeight - 120);
    this.foundButton.textContent = `Show ${flights.length} ${flights.length === 1 ? "flight" : "flights"}`;
  }

  #showFlights() {
    this.foundButton.hidden = true;
    document.querySelector("#desk [role=tab]").click();
    document.querySelector("#desk").scrollIntoView({ behavior: "smooth" });
  }

  #typed(event) {
    event.preventDefault();
    const text = this.input.value;
    this.input.value = "";
    this.#say(text);
  }
}

customElements.define("voice-panel", VoicePanel);
