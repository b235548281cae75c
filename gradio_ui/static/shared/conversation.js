// State shared by all elements: the shown conversation, its transcript, and the flights found in it.
import { EventStream } from "../transcript/event-stream.js";
import { searchOf } from "../flights/search-results.js";
import { CaptionsAndEntries } from "../transcript/captions-and-entries.js";

class ShownConversation extends EventTarget {
  id = null;
  /** The `Conversation` as it is now; null until the event stream has sent it. */
  state = null;
  log = new CaptionsAndEntries();
  /** Search results as `searchOf` returns them, oldest first. */
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
   * Shows another conversation, or an empty one for null: opens its event stream and emits "switched". If it
   * is already shown, only opens its event stream.
   */
  show(id) {
    if (id && id === this.id) return this.follow();
    this.#stream?.close();
    this.#stream = null;
    this.id = id;
    this.state = null;
    this.searches = [];
    this.#clear();
    this.follow();
  }

  #clear() {
    this.log = new CaptionsAndEntries();
    this.dispatchEvent(new Event("switched"));
  }

  /** Opens the event stream of the shown conversation if it is closed. */
  follow() {
    if (!this.id || this.#stream?.open) return;
    this.#stream?.close();
    this.#stream = new EventStream(
      this.id,
      {
        entry: (entry) => {
          this.log.entry(entry);
          this.#restoreFlights(entry);
          this.#noteEnd(entry);
        },
        live: (open) => this.log.live(open),
        conversation: (state) => this.#changed(state),
        rewound: () => this.#clear(),
        state: (state) => this.dispatchEvent(new CustomEvent("feed", { detail: state })),
      },
      this.#stream?.cursor,
    );
  }

  /** Emits "state" with the conversation when its title, its state or its running call has changed. */
  #changed(state) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }

  /** Adds the result of a tool call, or replaces it, if it is a search. Emits "flights". @see searchOf */
  addSearch(use) {
    const search = searchOf(use);
    if (!search) return;
    const rest = this.searches.filter((known) => known.tool_call_id !== search.tool_call_id);
    const known = rest.length !== this.searches.length;
    this.searches = known
      ? this.searches.map((s) => (s.tool_call_id === search.tool_call_id ? search : s))
      : [...rest, search];
    this.dispatchEvent(new CustomEvent("flights", { detail: { search, known } }));
  }

  /** Adds the search result of a log entry if it isn't shown yet, for example after a reload. */
  #restoreFlights({ tool_result: stored }) {
    if (!stored || this.searches.some((known) => known.tool_call_id === stored.tool_call_id)) return;
    this.addSearch({ call: this.log.toolCall(stored.tool_call_id), result: stored });
  }

  /** Emits "call-over" with `{call_id, reason}` when the log says that a call has ended. */
  #noteEnd({ call_id, state_change: change }) {
    if (change?.kind !== "STATE_CHANGE_KIND_CALL_ENDED") return;
    const reason = (change.call_end_reason ?? "").replace("CALL_END_REASON_", "");
    this.dispatchEvent(new CustomEvent("call-over", { detail: { call_id, reason } }));
  }
}

export const conversation = new ShownConversation();
