// Live events of one conversation, received as server-sent events. Its owner closes the stream while the page
// is hidden and not in a call, because browsers allow only six connections to a server for all tabs together.
import { urlOf } from "../shared/api.js";

const RETRY_MS = 3000;
const SILENCE_MS = 150_000;
const OVER = new Set(["WATCH_END_REASON_CONVERSATION_ENDED", "WATCH_END_REASON_CONVERSATION_DELETED"]);

export class EventStream {
  cursor = "";
  #id;
  #on;
  #source = null;
  #retry = 0;
  #watchdog = 0;
  #texts = new Map();

  /**
   * @param {{entry: Function, live: Function, conversation: Function, rewound: Function, state: Function}} on
   *   `live` gets a `LiveText` with the whole `text`. `state` is called with "up", "down" or "ended". After
   *   `rewound`, all entries of the log follow from its beginning.
   */
  constructor(id, on, cursor = "") {
    this.#id = id;
    this.#on = on;
    this.cursor = cursor;
    this.#connect();
  }

  get open() {
    return this.#source !== null;
  }

  close() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    this.close();
    const source = (this.#source = new EventSource(
      urlOf(`/api/conversations/${this.#id}/feed?cursor=${encodeURIComponent(this.cursor)}`),
    ));
    const listen = (kind, handle) =>
      source.addEventListener(kind, (event) => {
        this.#alive();
        this.cursor = event.lastEventId || this.cursor;
        handle?.(JSON.parse(event.data));
      });
    listen("entry", (entry) => {
      this.#texts.delete(entry.entry_id);
      this.#on.entry(entry);
    });
    listen("live", (change) => this.#live(change));
    listen("conversation", this.#on.conversation);
    listen("rewound", this.#on.rewound);
    listen("caught_up");
    listen("heartbeat");
    listen("end", ({ reason }) => OVER.has(reason) && this.#finish());
    listen("failed", () => this.#finish());
    source.onopen = () => this.#on.state("up");
    source.onerror = () => {
      this.#on.state("down");
      // The browser reconnects automatically, except after an error response.
      if (source.readyState === EventSource.CLOSED && source === this.#source)
        this.#retry = setTimeout(() => this.#recover(), RETRY_MS);
    };
    this.#alive();
  }

  async #recover() {
    const signedIn = await fetch(urlOf("/api/calls/running")).then(
      (answer) => answer.status !== 401,
      () => true,
    );
    if (!this.#source) return;
    if (signedIn) this.#connect();
    else location.replace(urlOf("/login"));
  }

  /** Completes a `LiveText` to all fields and to the whole `text` of its utterance. */
  #live(change) {
    const { offset = 0, tail = "", utterance_id: id } = change;
    const known = offset ? this.#texts.get(id) : { text: "" };
    if (!known) return;
    // An offset counts Unicode code points, as the iterator of a string does.
    const text = [...known.text].slice(0, offset).join("") + tail;
    this.#texts.set(id, { ...known, ...change, text });
    this.#on.live(this.#texts.get(id));
  }

  #finish() {
    this.close();
    this.#on.state("ended");
  }

  /** Restarts the timer that reconnects after a long silence. */
  #alive() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#connect(), SILENCE_MS);
  }
}
