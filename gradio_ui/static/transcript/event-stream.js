// Live events of one conversation, received as server-sent events. Its owner closes the stream while the page
// is hidden and not in a call, because browsers allow only six connections to a server for all tabs together.
import { urlOf } from "../shared/api.js";

const RETRY_MS = 3000;
const SILENCE_MS = 150_000;
const OVER = new Set(["STREAM_END_REASON_CONVERSATION_ENDED", "STREAM_END_REASON_CONVERSATION_DELETED"]);

export class EventStream {
  cursor = "";
  #id;
  #on;
  #source = null;
  #retry = 0;
  #watchdog = 0;

  /**
   * @param {{entry: Function, live: Function, rewound: Function, state: Function}} on  `state` is called
   *   with "up", "down" or "ended". After `rewound`, all entries of the log follow from its beginning.
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
    listen("entry", this.#on.entry);
    listen("live", this.#on.live);
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
