// What the elements of the page share: which conversation it shows, its transcript, and the flights that were found in it.
import { Feed } from "/ui/transcript/event-stream.js";
import { storedSearch } from "/ui/flights/stored-search.js";
import { TranscriptLog } from "/ui/transcript/transcript-log.js";

class Conversation extends EventTarget {
  id = null;
  log = new TranscriptLog();
  /** Results of searches, the oldest first: the JSON of the text stream `readback.flights`. */
  searches = [];
  /** Whether this tab is in a call. */
  inCall = false;
  #feed = null;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.follow();
      else if (!this.inCall) this.#feed?.close();
    });
  }

  /** Shows another conversation (null: none yet) and follows it; the same one goes on as it is. Emits "switched". */
  show(id) {
    if (id && id === this.id) return this.follow();
    this.#feed?.close();
    this.#feed = null;
    this.id = id;
    this.searches = [];
    this.#forget();
    this.follow();
  }

  #forget() {
    this.log = new TranscriptLog();
    this.dispatchEvent(new Event("switched"));
  }

  /** Opens the feed unless it is open. */
  follow() {
    if (!this.id || this.#feed?.open) return;
    this.#feed?.close();
    this.#feed = new Feed(this.id, {
      entry: (entry) => {
        this.log.entry(entry);
        this.#adoptFlights(entry);
      },
      live: (open) => this.log.live(open),
      rewound: () => this.#forget(),
      state: (state) => this.dispatchEvent(new CustomEvent("feed", { detail: state })),
    }, this.#feed?.cursor);
  }

  /** Flights of a search; of one tool call only the latest are kept. Emits "flights". */
  found(search) {
    const rest = this.searches.filter((known) => known.tool_call_id !== search.tool_call_id);
    const known = rest.length !== this.searches.length;
    this.searches = known ? this.searches.map((s) => (s.tool_call_id === search.tool_call_id ? search : s)) : [...rest, search];
    this.dispatchEvent(new CustomEvent("flights", { detail: { search, known } }));
  }

  /** After a reload the cards come back from the log. */
  #adoptFlights({ tool_result: stored }) {
    if (!stored || this.searches.some((known) => known.tool_call_id === stored.tool_call_id)) return;
    const search = storedSearch(stored);
    if (search) this.found(search);
  }
}

export const conversation = new Conversation();
