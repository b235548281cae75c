// One call: a LiveKit room with the agent in it. Knows no DOM but the audio element that plays the agent.
//
// Emits, with what is said in `detail`:
//   state       {state: "connecting"|"listening"|"thinking"|"speaking"|"reconnecting"|"moved"|"ended", message?}
//   caption     {id, speaker, text, final}
//   flights     the JSON of the text stream `readback.flights`
//   microphone  {on, muted, problem?: NoMicrophone}
//   sound       {blocked}
import { openMicrophone } from "/ui/call/microphone.js";

const TRANSCRIPTION = "lk.transcription";
const SEGMENT = "lk.segment_id";
const FINAL = "lk.transcription_final";
const FLIGHTS = "readback.flights";
const CHAT = "lk.chat";
const AGENT_STATE = "lk.agent.state";
const PATIENCE_MS = 15_000;

let library;
/** LiveKit's client, served from here; loaded when it is first wanted, as it is larger than the rest of the page. */
export function loadLiveKit() {
  return (library ??= import("/ui/vendor/livekit-client.umd.js").then(() => {
    globalThis.LivekitClient.setLogLevel("warn");
    return globalThis.LivekitClient;
  }));
}

export class Call extends EventTarget {
  state = "connecting";
  #lk;
  #room;
  #microphone = null;
  #published = null;
  #meters = {};
  #waiting = [];
  #patience = 0;
  #answered = false;
  #hangingUp = false;

  /**
   * Joins. `microphone`: a promise of a track (NoMicrophone when it fails), or null for a call in writing.
   * Throws when the room can't be joined; left meanwhile, it is out of the room when this returns.
   */
  async join({ url, token }, microphone) {
    this.#lk = await loadLiveKit();
    if (this.#hangingUp) return;
    const { Room, RoomEvent } = this.#lk;
    // A reload must not look like hanging up: the room keeps the caller's place until the page is back.
    const room = (this.#room = new Room({ disconnectOnPageLeave: false, adaptiveStream: false, dynacast: false }));
    room
      .on(RoomEvent.Reconnecting, () => this.#become("reconnecting"))
      .on(RoomEvent.SignalReconnecting, () => this.#become("reconnecting"))
      .on(RoomEvent.Reconnected, () => this.#follow())
      .on(RoomEvent.ParticipantConnected, () => this.#follow())
      .on(RoomEvent.ParticipantDisconnected, () => this.#follow())
      .on(RoomEvent.ParticipantAttributesChanged, () => this.#follow())
      .on(RoomEvent.TrackSubscribed, (track) => this.#play(track))
      .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => this.#emit("sound", { blocked: !room.canPlaybackAudio }))
      .on(RoomEvent.Disconnected, (reason) => this.#ended(reason));
    room.registerTextStreamHandler(TRANSCRIPTION, (reader, from) => this.#caption(reader, from.identity));
    room.registerTextStreamHandler(FLIGHTS, (reader) => this.#flights(reader));
    await room.connect(url, token);
    if (this.#hangingUp) return void (await room.disconnect());
    this.#follow();
    if (microphone) this.#publish(microphone);
    else this.#emit("microphone", { on: false, muted: false });
  }

  get agent() {
    const { ParticipantKind } = this.#lk;
    const others = [...(this.#room?.remoteParticipants.values() ?? [])];
    return others.find((one) => one.kind === ParticipantKind.AGENT) ?? others.find((one) => AGENT_STATE in one.attributes);
  }

  /** Loudness between 0 and 1. @param {"caller"|"agent"} side */
  level(side) {
    if (side === "caller" && this.#microphone?.isMuted) return 0;
    return Math.min(1, (this.#meters[side]?.calculateVolume() ?? 0) * 2.2);
  }

  async setMuted(muted) {
    const track = this.#microphone;
    // Silent at once; LiveKit can be told only when it has the track.
    if (track) track.mediaStreamTrack.enabled = !muted;
    await this.#published;
    await (muted ? track?.mute() : track?.unmute());
    this.#emit("microphone", { on: this.#microphone !== null, muted });
  }

  /** Tries the microphone, at first or again. */
  useMicrophone() {
    return this.#publish(openMicrophone());
  }

  /** Sends a typed line; what is typed before the agent listens waits for it. */
  say(id, text) {
    this.#waiting.push([id, text]);
    this.#deliver();
  }

  startSound() {
    return this.#room?.startAudio();
  }

  /** Leaves the room. Ending the call for the agent too is the server's part. */
  async leave() {
    this.#hangingUp = true;
    await this.#room?.disconnect();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  get #over() {
    return this.state === "ended" || this.state === "moved";
  }

  #become(state, message = "") {
    if (this.#over) return;
    this.state = state;
    this.#emit("state", { state, message });
  }

  /** The call is in the state the agent says it is in. */
  #follow() {
    const agent = this.agent;
    const said = agent?.attributes[AGENT_STATE];
    clearTimeout(this.#patience);
    if (!said || said === "initializing") {
      const lost = this.#answered && !agent;
      this.#become(lost ? "reconnecting" : "connecting", lost ? "The line to the agent dropped. Another one is picking up…" : "");
      this.#patience = setTimeout(() => this.#become("connecting", "Still waiting for an agent. You can stay on the line."), PATIENCE_MS);
      return;
    }
    this.#answered = true; // what it says of itself comes by another way than its voice, and often sooner
    this.#become(said === "thinking" || said === "speaking" ? said : "listening");
    this.#deliver();
  }

  #deliver() {
    if (!["listening", "thinking", "speaking"].includes(this.state)) return;
    for (const [id, text] of this.#waiting.splice(0)) {
      this.#send(id, text);
    }
  }

  /** The stream's id becomes the utterance's: so the line that is shown already is known when its entry comes. */
  async #send(id, text) {
    const writer = await this.#room.localParticipant.streamText({ topic: CHAT, streamId: id });
    await writer.write(text);
    await writer.close();
  }

  async #publish(microphone) {
    try {
      const { LocalAudioTrack, Track, createAudioAnalyser } = this.#lk;
      const track = new LocalAudioTrack(await microphone, undefined, false);
      if (this.#hangingUp || this.#over) return track.stop();
      this.#microphone = track;
      this.#meters.caller = createAudioAnalyser(track, { cloneTrack: false });
      this.#published = this.#room.localParticipant.publishTrack(track, { source: Track.Source.Microphone });
      await this.#published;
      this.#emit("microphone", { on: true, muted: false });
    } catch (problem) {
      this.#emit("microphone", { on: false, muted: false, problem });
    }
  }

  #play(track) {
    if (track.kind !== "audio") return;
    const audio = track.attach();
    audio.hidden = true;
    audio.dataset.testid = "agent-audio";
    document.body.append(audio);
    this.#meters.agent = this.#lk.createAudioAnalyser(track, { cloneTrack: true });
  }

  /** A segment is an utterance. Each stream of it replaces the one before; one that comes in pieces (LiveKit's own output) grows by them. */
  async #caption(reader, identity) {
    const speaker = identity === this.#room.localParticipant.identity ? "customer" : "agent";
    const id = reader.info.attributes?.[SEGMENT] ?? reader.info.id;
    let text = "";
    try {
      for await (const piece of reader) {
        text += piece;
        this.#emit("caption", { id, speaker, text, final: false });
      }
    } catch {
      // The speaker left in mid-stream; what came stands, and the log will say how it ended.
    }
    if (reader.info.attributes?.[FINAL] === "true") this.#emit("caption", { id, speaker, text, final: true });
  }

  async #flights(reader) {
    try {
      this.#emit("flights", JSON.parse(await reader.readAll()));
    } catch (error) {
      console.warn("A list of flights could not be read.", error);
    }
  }

  #ended(reason) {
    const { DisconnectReason } = this.#lk;
    clearTimeout(this.#patience);
    for (const meter of Object.values(this.#meters)) meter.cleanup();
    for (const audio of document.querySelectorAll("audio[data-testid=agent-audio]")) audio.remove();
    this.#microphone?.stop();
    if (reason === DisconnectReason.DUPLICATE_IDENTITY) this.#become("moved");
    else if (this.#hangingUp) this.#become("ended");
    else this.#become("ended", ENDINGS[DisconnectReason[reason]] ?? "The connection was lost.");
  }
}

const ENDINGS = {
  ROOM_DELETED: "The call has ended.",
  ROOM_CLOSED: "The call has ended.",
  PARTICIPANT_REMOVED: "The call has ended.",
  SERVER_SHUTDOWN: "The call was cut off: the call server stopped.",
};
