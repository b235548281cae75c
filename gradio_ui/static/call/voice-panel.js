// <voice-panel>: the call. It stays in the page when another tab opens, so that the call continues.
import { ApiError, get, post } from "../shared/api.js";
import { setMicrophoneOpen } from "../shared/announcer.js";
import { isConversing, isInCall, isOffered, wordsFor } from "./call-states.js";
import { LevelMeter } from "./level-meter.js";
import { LiveKitCall, loadLiveKit } from "./livekit-call.js";
import { openMicrophone } from "./microphone.js";
import { OtherTabs } from "./other-tabs.js";
import { buildPanel, relabel } from "./panel-view.js";
import { ReplyTimer } from "./reply-timer.js";
import { conversation } from "../shared/conversation.js";
import { ICONS } from "../shared/dom.js";
import { newId } from "../shared/ids.js";
import { TranscriptView } from "../transcript/transcript-view.js";
import { WaitingLine } from "./waiting-line.js";

/** Height of the window below the start of the flights at which they are in view, above a phone's dock. */
const FLIGHTS_VISIBLE_PX = 320;
const NO_REPLY = "The agent has not answered yet. You can wait, say it again, type it, or call again.";
const GIVEN_BACK = "What you typed was not stored. It is back in the text field.";
const NO_AGENT = "No agent was free to answer your call. Please try again in a moment.";

class VoicePanel extends HTMLElement {
  #call = null;
  #access = null;
  #callId = null;
  #attempt = null;
  #state = "idle";
  #message = "";
  #loggedEnd = null;
  #microphone = "starting";
  #started = 0;
  #clock = 0;
  #otherTabs = new OtherTabs(() => (this.#call && isInCall(this.#state) ? this.#access?.call_id : null));
  #levelMeter = new LevelMeter();
  #reply = new ReplyTimer(() => this.#replyChanged());
  #line = new WaitingLine(() => this.#showWords());

  connectedCallback() {
    if (this.childElementCount) return;
    this.#build();
    this.#setState("idle");
    conversation.addEventListener("switched", () => this.#showCaptions());
    conversation.addEventListener("continue", () => this.start());
    conversation.addEventListener("flights", ({ detail }) => this.#showFlightsButton(detail.search));
    conversation.addEventListener("call-over", ({ detail }) => this.#callOver(detail));
    document.addEventListener(
      "visibilitychange",
      () => document.hidden || this.#call || this.#offerRunning(),
    );
    this.#showCaptions();
    this.#offerRunning();
  }

  /** Calls the agent in the shown conversation, or in a new one if none is shown. */
  async start({ microphone = true } = {}) {
    if (isInCall(this.#state)) return;
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
    if (!callId && !isInCall(this.#state)) return;
    if (this.#attempt) Object.assign(this.#attempt, { hungUp: true, ended: callId });
    this.#setState("ended");
    this.callButton.focus({ preventScroll: true });
    // If the call has no id yet, `#join` ends it when the id arrives.
    const ending = callId ? post(`/api/calls/${callId}/end`) : Promise.resolve();
    await Promise.allSettled([call?.leave(), ending]);
    ending.catch((error) => this.#notice(error.message));
    conversation.dispatchEvent(new Event("calls"));
  }

  /** Returns whether this tab, or another tab of this browser, is in the call. */
  async inCallInThisBrowser() {
    if (isInCall(this.#state)) return true;
    return isOffered(this.#state) && this.#otherTabs.areIn(this.#access.call_id);
  }

  /** Joins the call that `ask` returns. If that fails or the caller hangs up, `undo` ends the call. */
  #startAttempt(ask, track, undo = () => {}) {
    const before = this.#attempt?.over; // an earlier attempt may still be ending its call
    const attempt = (this.#attempt = { hungUp: false, ended: null });
    this.#loggedEnd = null;
    this.#setMicrophone({ on: track !== null, starting: track !== null });
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
      this.#callId = access.call_id;
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
    on("caption", (caption) => this.#caption(caption));
    on("sent", () => this.#reply.asked());
    on("tool", (use) => conversation.addSearch(use));
    on("sound", ({ blocked }) => (this.soundButton.hidden = !blocked));
    on("microphone", (microphone) => this.#setMicrophone(microphone));
  }

  #caption(caption) {
    conversation.log.caption(caption);
    if (caption.speaker === "agent") this.#reply.answered();
    else if (caption.final && this.#state !== "speaking") this.#reply.asked();
  }

  async #offerRunning() {
    const before = this.#state;
    try {
      const { call } = await get("/api/calls/running");
      // Stop if the caller has started or joined a call meanwhile.
      if (this.#state !== before || isInCall(before)) return;
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
    this.#callId = call.call_id;
    this.#setState("offer", elsewhere ? "This call is open in another tab" : "");
    relabel(this.rejoinButton, elsewhere ? "Move the call here" : "Rejoin the call");
  }

  #sendText(text) {
    const message = text.trim();
    if (!message) return;
    const id = newId();
    const starting = isInCall(this.#state)
      ? !this.#call && this.#attempt?.over // the call is being started, and has no room yet
      : this.start({ microphone: false });
    // A new call first shows its new conversation. The message must go into the log of that conversation.
    Promise.resolve(starting).then(() => {
      if (!this.#call) return this.#giveBack([message]);
      conversation.log.typed(id, message);
      this.#call.sendMessage(id, message);
    });
  }

  /** Puts texts that were not stored back into the text field. */
  #giveBack(texts) {
    this.input.value = [...texts, this.input.value].filter(Boolean).join(" ");
  }

  #setState(state, message = "") {
    const call = this.#call;
    // Without any agent there was no call, only waiting for one.
    const unanswered = state === "ended" && call && !call.answered && !this.#attempt?.hungUp;
    this.#state = unanswered ? "unanswered" : state;
    this.#message = unanswered ? "" : message;
    this.dataset.state = this.#state;
    const inCall = isInCall(state);
    conversation.inCall = inCall;
    if (state === "speaking" || !isConversing(state)) this.#reply.answered();
    if (state === "thinking") this.#reply.asked();
    if (state === "connecting" && call) this.#line.join();
    else this.#line.leave();
    if (!inCall) this.#endCall();
    else this.#clock ||= setInterval(() => this.#tick(), 500);
    if (!inCall && !isOffered(state)) this.#access = null;
    this.#showButtons();
    this.#showWords();
    if (unanswered) this.#notice([NO_AGENT, this.input.value && GIVEN_BACK].filter(Boolean).join(" "));
  }

  #showButtons() {
    const [inCall, offered] = [isInCall(this.#state), isOffered(this.#state)];
    this.callButton.hidden = inCall || offered;
    const again = conversation.id ? "Call again" : "Call";
    relabel(this.callButton, ["unanswered", "failed"].includes(this.#state) ? "Try again" : again);
    this.rejoinButton.hidden = !offered;
    if (this.#state === "moved") relabel(this.rejoinButton, "Take it back");
    this.muteButton.hidden = !inCall;
    this.hangUpButton.hidden = !inCall && this.#state !== "offer";
    this.newConversationButton.hidden = inCall || offered || !conversation.id;
    this.toggleAttribute("data-open", inCall || offered || conversation.id !== null);
  }

  /** Shows the state in words. Screen readers don't hear each turn of the conversation. */
  #showWords() {
    const microphone = this.#microphone;
    this.stateText.textContent = wordsFor(this.#state, {
      message: this.#message,
      microphone,
      late: this.#reply.late,
      place: this.#line.place,
      reason: this.#loggedEnd?.reason,
    });
    if (!isConversing(this.#state) && this.#state !== "idle")
      this.status.textContent = this.stateText.textContent;
    const inCall = isInCall(this.#state);
    this.dataset.microphone = inCall ? microphone : "off";
    setMicrophoneOpen(inCall && (microphone === "on" || microphone === "starting"));
  }

  #replyChanged() {
    const { late } = this.#reply;
    this.toggleAttribute("data-late", late);
    this.restartButton.hidden = !late;
    if (late) this.#notice(NO_REPLY);
    else if (this.notice.textContent === NO_REPLY) this.#notice();
    this.#showWords();
  }

  async #restart() {
    const microphone = this.#microphone !== "off";
    await this.hangUp();
    await this.start({ microphone });
  }

  #endCall() {
    clearInterval(this.#clock);
    this.#clock = 0;
    this.#started = 0;
    this.clock.textContent = "";
    this.soundButton.hidden = true;
    this.#levelMeter.stop();
    if (this.#call) this.#giveBackUnstored(this.#call.takeUnsent());
    this.#call = null;
  }

  /** Shows why a call has ended, and gives back typed lines that are missing in its log. */
  #callOver({ call_id, reason }) {
    if (call_id !== this.#callId) return;
    this.#loggedEnd = { reason };
    if (isInCall(this.#state) || isOffered(this.#state)) return;
    this.#giveBackUnstored([]);
    this.#showWords();
  }

  /** Gives back the typed lines that were not sent, and after the end of the log all that it doesn't have. */
  #giveBackUnstored(unsent) {
    const texts = conversation.log.takeUnstored(this.#loggedEnd ? null : unsent);
    if (!texts.length) return;
    this.#giveBack(texts);
    this.#notice(GIVEN_BACK);
  }

  #tick() {
    if (!this.#started) return;
    const seconds = Math.floor((Date.now() - this.#started) / 1000);
    this.clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  #setMicrophone({ on, muted = false, starting = false, problem }) {
    this.#microphone = starting ? "starting" : !on ? "off" : muted ? "muted" : "on";
    const label = !on ? "Turn on microphone" : muted ? "Unmute" : "Mute";
    this.muteButton.setAttribute("aria-pressed", String(muted));
    this.muteButton.dataset.microphone = this.#microphone;
    relabel(this.muteButton, label, on && !muted ? ICONS.microphone : ICONS.microphoneOff);
    this.#notice(problem?.message);
    this.#showWords();
  }

  #toggleMicrophone() {
    if (this.#microphone === "off") this.#call?.useMicrophone();
    else this.#call?.setMuted(this.#microphone !== "muted");
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
      announce: true,
      follow: true,
    });
    if (isInCall(this.#state)) return;
    this.#setState(["ended", "unanswered", "failed"].includes(this.#state) ? "idle" : this.#state);
  }

  #build() {
    this.setAttribute("role", "region");
    this.setAttribute("aria-label", "Call");
    const { elements, ...parts } = buildPanel(this.#levelMeter.element, {
      call: () => this.start(),
      rejoin: () => this.rejoin(),
      mute: () => this.#toggleMicrophone(),
      hangUp: () => this.hangUp(),
      sound: () => this.#call?.startSound(),
      restart: () => this.#restart(),
      newConversation: () => conversation.show(null),
      showFlights: () => this.#showFlights(),
      send: (text) => this.#sendText(text),
      typing: () => this.#call?.typing(),
    });
    Object.assign(this, parts);
    this.append(...elements);
  }

  /** Shows a button that leads to the flights, if they are outside the screen or in another tab. */
  #showFlightsButton({ flights }) {
    const board = document.querySelector("flight-board");
    const { top, width } = board.getBoundingClientRect();
    this.flightsButton.hidden = !flights.length || (width > 0 && top < innerHeight - FLIGHTS_VISIBLE_PX);
    relabel(this.flightsButton, `Show ${flights.length} ${flights.length === 1 ? "flight" : "flights"}`);
  }

  #showFlights() {
    this.flightsButton.hidden = true;
    document.querySelector("#tabs [role=tab]").click();
    document.querySelector("#tabs").scrollIntoView({ behavior: "smooth" });
  }
}

customElements.define("voice-panel", VoicePanel);
