// State shared by all elements: the shown conversation, its transcript, and the flights found in it.
import { EventStream } from "/ui/transcript/event-stream.js";
import { storedSearch } from "/ui/flights/stored-search.js";
import { CaptionsAndEntries } from "/ui/transcript/captions-and-entries.js";

class ShownConversation extends EventTarget {
  id = null;
  log = new CaptionsAndEntries();
  /** Search results, oldest first: the JSON of the text stream `readback.flights`. */
  searches = [];
  /** True while this tab is in a call. */
  inCall = false;
  #stream = null;

  constructor() {
    super();
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.follow();
      else if (!this.inCall) this.#stream?.close();
    });
  }

  /**
   * Shows another conversation (null: a new one), follows it and emits "switched". The shown conversation
   * only gets its event stream opened.
   */
  show(id) {
    if (id && id === this.id) return this.follow();
    this.#stream?.close();
    this.#stream = null;
    this.id = id;
    this.searches = [];
    this.#clear();
    this.follow();
  }

  #clear() {
    this.log = new CaptionsAndEntries();
    this.dispatchEvent(new Event("switched"));
  }

  /** Opens the event stream if it is closed. */
  follow() {
    if (!this.id || this.#stream?.open) return;
    this.#stream?.close();
    this.#stream = new EventStream(
      this.id,
      {
        entry: (entry) => {
          this.log.entry(entry);
          this.#restoreFlights(entry);
        },
        live: (open) => this.log.live(open),
        rewound: () => this.#clear(),
        state: (state) => this.dispatchEvent(new CustomEvent("feed", { detail: state })),
      },
      this.#stream?.cursor,
    );
  }

  /** Adds the flights of a search, or replaces those of the same tool call. Emits "flights". */
  addSearch(search) {
    const rest = this.searches.filter((known) => known.tool_call_id !== search.tool_call_id);
    const known = rest.length !== this.searches.length;
    this.searches = known
      ? this.searches.map((s) => (s.tool_call_id === search.tool_call_id ? search : s))
      : [...rest, search];
    this.dispatchEvent(new CustomEvent("flights", { detail: { search, known } }));
  }

  /** Restores flight cards from the log, after a reload. */
  #restoreFlights({ tool_result: stored }) {
    if (!stored || this.searches.some((known) => known.tool_call_id === stored.tool_call_id)) return;
    const search = storedSearch(stored);
    if (search) this.addSearch(search);
  }
}

export const conversation = new ShownConversation();
