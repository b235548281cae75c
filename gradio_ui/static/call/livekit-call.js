// One call: a LiveKit room with the agent. Its only DOM element is the audio element that plays the agent.
//
// Events, by type and `detail`:
//   state       {state, message?}; connecting, listening, thinking, speaking, reconnecting, moved, ended
//   caption     {id, speaker, text, final}
//   tool        {call, result}, a `ToolCall` and its `ToolResult`
//   microphone  {on, muted, problem?: NoMicrophone}
//   sent        {id}, a typed message has been sent
//   sound       {blocked}
import "../shared/ids.js";
import { isConversing } from "./call-states.js";
import { NoMicrophone, openMicrophone } from "./microphone.js";

const TRANSCRIPTION = "lk.transcription";
const SEGMENT = "lk.segment_id";
const FINAL = "lk.transcription_final";
const TOOLS = "readback.tools";
const CHAT = "lk.chat";
const TYPING = "readback.typing";
const TYPING_EVERY_MS = 5000;
const AGENT_STATE = "lk.agent.state";
const AGENT_WAIT_MS = 15_000;
const PUBLISH_ATTEMPTS = 3;

let library;
/** Loads LiveKit's client at first use, because it is larger than the rest of the web app. */
export function loadLiveKit() {
  return (library ??= import("../vendor/livekit-client.umd.js").then(() => {
    globalThis.LivekitClient.setLogLevel("warn");
    return globalThis.LivekitClient;
  }));
}

export class LiveKitCall extends EventTarget {
  state = "connecting";
  /** True when an agent has been ready in this call. */
  answered = false;
  #lk;
  #room;
  #microphone = null;
  #published = null;
  #meters = {};
  #unsent = [];
  #sending = false;
  #typedAt = 0;
  #agentTimer = 0;
  #hangingUp = false;

  /**
   * Joins the room. Throws if that fails. If `leave` is called meanwhile, leaves the room before returning.
   * @param {Promise<MediaStreamTrack> | null} microphone  may reject with NoMicrophone; null for typing only
   */
  async join({ url, token }, microphone) {
    this.#lk = await loadLiveKit();
    if (this.#hangingUp) return;
    const { Room, RoomEvent } = this.#lk;
    // A reload must not end the call. Without an explicit disconnect, the caller can rejoin after it.
    const room = (this.#room = new Room({
      disconnectOnPageLeave: false,
      adaptiveStream: false,
      dynacast: false,
    }));
    room
      .on(RoomEvent.Reconnecting, () => this.#setState("reconnecting"))
      .on(RoomEvent.SignalReconnecting, () => this.#setState("reconnecting"))
      .on(RoomEvent.Reconnected, () => this.#followAgent())
      .on(RoomEvent.ParticipantConnected, () => this.#followAgent())
      .on(RoomEvent.ParticipantDisconnected, () => this.#followAgent())
      .on(RoomEvent.ParticipantAttributesChanged, () => this.#followAgent())
      .on(RoomEvent.TrackSubscribed, (track) => this.#play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()))
      .on(RoomEvent.AudioPlaybackStatusChanged, () =>
        this.#emit("sound", { blocked: !room.canPlaybackAudio }),
      )
      .on(RoomEvent.TrackMuted, (_, owner) => owner.isLocal && this.#emitMicrophone())
      .on(RoomEvent.TrackUnmuted, (_, owner) => owner.isLocal && this.#emitMicrophone())
      .on(RoomEvent.Disconnected, (reason) => this.#ended(reason));
    room.registerTextStreamHandler(TRANSCRIPTION, (reader, from) => this.#caption(reader, from.identity));
    room.registerTextStreamHandler(TOOLS, (reader) => this.#tool(reader));
    await room.connect(url, token);
    if (this.#hangingUp) return void (await room.disconnect());
    this.#followAgent();
    if (microphone) this.#publish(microphone);
    else this.#emitMicrophone();
  }

  get agent() {
    const { ParticipantKind } = this.#lk;
    const others = [...(this.#room?.remoteParticipants.values() ?? [])];
    return (
      others.find((one) => one.kind === ParticipantKind.AGENT) ??
      others.find((one) => AGENT_STATE in one.attributes)
    );
  }

  /** Returns the loudness of one side, 0 to 1. @param {"caller"|"agent"} side */
  level(side) {
    if (side === "caller" && this.#microphone?.isMuted) return 0;
    return Math.min(1, (this.#meters[side]?.calculateVolume() ?? 0) * 2.2);
  }

  async setMuted(muted) {
    const track = this.#microphone;
    // Disable the track first, because LiveKit can mute it only after it is published.
    if (track) track.mediaStreamTrack.enabled = !muted;
    await this.#published?.catch(() => {});
    await (muted ? track?.mute() : track?.unmute());
    this.#emitMicrophone();
  }

  /** Asks the browser for the microphone again, and publishes it. */
  useMicrophone() {
    return this.#publish(openMicrophone());
  }

  /** Sends a typed message, or queues it until the agent is ready. `id` is that of its line on the page. */
  sendMessage(id, text) {
    this.#unsent.push([id, text]);
    this.#sendQueued();
  }

  /** Tells the agent, at most every five seconds, that the caller is typing, so that it waits. */
  typing() {
    if (this.state === "connecting" || this.#isOver || Date.now() - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = Date.now();
    // A lost packet, or one that can't be sent, only makes the agent ask whether the caller is there.
    this.#room.localParticipant.publishData(Uint8Array.of(1), { topic: TYPING }).catch(() => {});
  }

  /** Returns the ids of the messages that were not sent, and forgets them. */
  takeUnsent() {
    return this.#unsent.splice(0).map(([id]) => id);
  }

  startSound() {
    return this.#room?.startAudio();
  }

  /** Leaves the room on purpose. The agent then ends the call. */
  async leave() {
    this.#hangingUp = true;
    await this.#room?.disconnect();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  get #isOver() {
    return this.state === "ended" || this.state === "moved";
  }

  #setState(state, message = "") {
    if (this.#isOver) return;
    this.state = state;
    this.#emit("state", { state, message });
  }

  /** Sets the state of the call from the agent's attributes, and sends queued messages when it is ready. */
  #followAgent() {
    const agent = this.agent;
    const agentState = agent?.attributes[AGENT_STATE];
    clearTimeout(this.#agentTimer);
    if (!agentState || agentState === "initializing") {
      const lost = this.answered && !agent;
      this.#setState(
        lost ? "reconnecting" : "connecting",
        lost ? "The connection to the agent was lost. Another agent is taking over…" : "",
      );
      this.#agentTimer = setTimeout(
        () => this.#setState("connecting", "Still waiting for an agent. You can stay in the call."),
        AGENT_WAIT_MS,
      );
      return;
    }
    this.answered = true;
    this.#setState(["thinking", "speaking"].includes(agentState) ? agentState : "listening");
    this.#sendQueued();
  }

  /** Sends the queued messages, in order. A message stays in the queue until it is sent. */
  async #sendQueued() {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#unsent.length && isConversing(this.state)) {
        const [[id, text]] = this.#unsent;
        await this.#send(text);
        this.#unsent = this.#unsent.filter(([queued]) => queued !== id);
        this.#emit("sent", { id });
      }
    } catch (error) {
      console.warn("A message was not sent. It is sent again when the connection is restored.", error);
    } finally {
      this.#sending = false;
    }
  }

  async #send(text) {
    const writer = await this.#room.localParticipant.streamText({ topic: CHAT });
    await writer.write(text);
    await writer.close();
  }

  async #publish(microphone) {
    try {
      const { LocalAudioTrack, createAudioAnalyser } = this.#lk;
      const track = new LocalAudioTrack(await microphone, undefined, false);
      if (this.#hangingUp || this.#isOver) return track.stop();
      this.#microphone = track;
      this.#meters.caller = createAudioAnalyser(track, { cloneTrack: false });
      this.#published = this.#publishTrack(track);
      await this.#published;
      this.#emitMicrophone();
    } catch (error) {
      this.#microphone?.stop();
      this.#microphone = null;
      if (this.#hangingUp || this.#isOver) return;
      this.#emitMicrophone(error instanceof NoMicrophone ? error : new NoMicrophone("interrupted"));
    }
  }

  /** Publishes the microphone. If the connection is lost meanwhile, tries again when it is restored. */
  async #publishTrack(track) {
    for (let attempt = 1; ; attempt++) {
      try {
        const { Microphone } = this.#lk.Track.Source;
        return await this.#room.localParticipant.publishTrack(track, { source: Microphone });
      } catch (error) {
        if (attempt === PUBLISH_ATTEMPTS) throw error;
        console.warn("The microphone could not be published.", error);
        await this.#connected();
      }
    }
  }

  /** Waits until the room is connected. Throws if the call ends first. */
  #connected() {
    const { ConnectionState, RoomEvent } = this.#lk;
    return new Promise((resolve, reject) => {
      if (this.#room.state === ConnectionState.Connected) return resolve();
      this.#room.once(RoomEvent.Reconnected, resolve);
      this.#room.once(RoomEvent.Disconnected, () => reject(new Error("disconnected")));
    });
  }

  #emitMicrophone(problem) {
    const on = this.#microphone !== null;
    this.#emit("microphone", { on, muted: on && this.#microphone.isMuted, problem });
  }

  #play(track) {
    if (track.kind !== "audio") return;
    const audio = track.attach();
    audio.hidden = true;
    audio.dataset.testid = "agent-audio";
    document.body.append(audio);
    this.#meters.agent = this.#lk.createAudioAnalyser(track, { cloneTrack: true });
  }

  /**
   * Emits the captions of one stream. A stream belongs to a segment, which is an utterance. It contains all
   * words of the segment so far, and may arrive in several pieces. A stream that is final from its start is
   * emitted once and whole, because a typed message is replaced only by the final caption of its words.
   */
  async #caption(reader, identity) {
    const speaker = identity === this.#room.localParticipant.identity ? "customer" : "agent";
    const id = reader.info.attributes?.[SEGMENT] ?? reader.info.id;
    const isFinal = () => reader.info.attributes?.[FINAL] === "true";
    const whole = isFinal();
    let text = "";
    try {
      for await (const piece of reader) {
        text += piece;
        if (!whole) this.#emit("caption", { id, speaker, text, final: false });
      }
    } catch {
      // The speaker left during the stream. Keep the text so far; the log will have the final text.
    }
    if (isFinal()) this.#emit("caption", { id, speaker, text, final: true });
  }

  async #tool(reader) {
    try {
      const { tool_call: call, tool_result: result } = JSON.parse(await reader.readAll());
      this.#emit("tool", { call, result });
    } catch (error) {
      console.warn("A tool call could not be read.", error);
    }
  }

  #ended(reason) {
    const { DisconnectReason } = this.#lk;
    clearTimeout(this.#agentTimer);
    for (const meter of Object.values(this.#meters)) meter.cleanup();
    for (const audio of document.querySelectorAll("audio[data-testid=agent-audio]")) audio.remove();
    this.#microphone?.stop();
    if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.#setState("moved");
    else if (this.#hangingUp) this.#setState("ended");
    else this.#setState("ended", ENDINGS[DisconnectReason[reason]] ?? "The connection was lost.");
  }
}

const ENDINGS = {
  ROOM_DELETED: "The call has ended.",
  ROOM_CLOSED: "The call has ended.",
  PARTICIPANT_REMOVED: "The call has ended.",
  SERVER_SHUTDOWN: "The call ended because the call server stopped. Please call again.",
};
