// The transcript of a conversation: live captions, and the stored entries that replace them.
//
// Captions arrive over LiveKit while words are spoken. Entries arrive over the event stream after they are
// stored. Both have the same UUID for an utterance, so an entry replaces its caption and the words don't show
// twice. Captions of other agents may have different ids. An entry then replaces the caption of the same
// speaker with the same words. In the same way, a caption or an entry replaces a message typed here, because
// the agent chooses its id.

const SPEAKERS = { SPEAKER_CUSTOMER: "customer", SPEAKER_AGENT: "agent" };
const SEALINGS = {
  SEALING_FINAL: "final",
  SEALING_INTERRUPTED: "interrupted",
  SEALING_TRUNCATED: "truncated",
};
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Returns the words in lower case and without punctuation, for comparison. */
const words = (text) =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();

/**
 * Items, in order of appearance:
 *   {kind: "line", id, speaker: "customer"|"agent", text, state, typed, confidences, number, time},
 *     state: open, final, interrupted, truncated; confidences: one for each word, or none
 *   {kind: "tool", id, call?: ToolCall, result?: ToolResult, number, time}
 *   {kind: "event", id, change, number, time}
 * Emits "change" and "remove" with detail {item}.
 */
export class CaptionsAndEntries extends EventTarget {
  #items = new Map();
  #aliases = new Map();
  #number = 0;

  get items() {
    return [...this.#items.values()];
  }

  /** Number of the last entry. */
  get number() {
    return this.#number;
  }

  /** Shows a caption. `final` means that no more words follow. */
  caption({ id, speaker, text, final }) {
    const line =
      this.#line(id) ??
      (final && speaker === "customer" ? this.#unconfirmed(text, id) : null) ??
      this.#add({ kind: "line", id, speaker, text: "", state: "open", typed: false, time: new Date() });
    if (line.number || !text) return;
    line.fromCaption = true;
    this.#change(line, { text, state: final || line.state === "final" ? "final" : "open" });
  }

  /** Shows a typed message before its entry is stored. */
  typed(id, text) {
    this.#change(
      this.#add({
        kind: "line",
        id,
        speaker: "customer",
        text,
        state: "final",
        typed: true,
        unconfirmed: true,
        time: new Date(),
      }),
      {},
    );
  }

  /** Removes the typed messages that have no entry, and returns their texts. */
  takeUnstored(ids = null) {
    const lines = this.items.filter(
      (item) => item.typed && !item.number && (ids === null || ids.includes(item.id)),
    );
    for (const item of lines) {
      this.#items.delete(item.id);
      this.dispatchEvent(new CustomEvent("remove", { detail: { item } }));
    }
    return lines.map((item) => item.text);
  }

  /** Returns a `ToolCall`; undefined if it is unknown. */
  toolCall(id) {
    return this.#items.get(id)?.call;
  }

  /** Shows a `LiveText` with its whole `text`. Tabs that aren't in the call get no captions, but these. */
  live(open) {
    const speaker = SPEAKERS[open.speaker];
    let line = this.#line(open.utterance_id);
    if (!line) {
      const latest = this.items.findLast((item) => item.kind === "line" && item.speaker === speaker);
      if (latest?.fromCaption && !latest.number) return; // the call's own captions are newer
      line = this.#add({
        kind: "line",
        id: open.utterance_id,
        speaker,
        state: "open",
        typed: false,
        time: new Date(open.start_time),
      });
    }
    if (!line.number && !line.fromCaption) this.#change(line, { text: open.text });
  }

  /** Shows a log `Entry`. Showing the same entry twice has no further effect. */
  entry(entry) {
    const number = Number(entry.number);
    this.#number = Math.max(this.#number, number);
    const placed = { number, time: new Date(entry.start_time ?? entry.commit_time) };
    if (entry.utterance) this.#utterance(entry.utterance, placed);
    else if (entry.tool_call) this.#tool(entry.tool_call, { call: entry.tool_call, ...placed });
    else if (entry.tool_result) this.#tool(entry.tool_result, { result: entry.tool_result });
    else if (entry.state_change && !this.#items.has(entry.entry_id)) {
      const change = entry.state_change.kind.replace("STATE_CHANGE_KIND_", "");
      this.#change(this.#add({ kind: "event", id: entry.entry_id, change }), placed);
    }
  }

  #utterance(utterance, placed) {
    const speaker = SPEAKERS[utterance.speaker];
    const text = utterance.text ?? "";
    const cut = this.#line(utterance.completes_utterance_id);
    if (cut) {
      // A late entry with the whole text of a line that was cut off. It replaces that line's text.
      this.#aliases.set(utterance.utterance_id, cut.id);
      return this.#change(cut, {
        text,
        state: SEALINGS[utterance.sealing] ?? "final",
        confidences: utterance.word_confidences ?? [],
        completed: true,
      });
    }
    if (this.#line(utterance.utterance_id)?.completed) return;
    const line =
      this.#line(utterance.utterance_id) ??
      (speaker === "customer" ? this.#unconfirmed(text, utterance.utterance_id) : null) ??
      this.#captionOf(speaker, text, utterance.utterance_id) ??
      this.#add({ kind: "line", id: utterance.utterance_id, speaker });
    this.#change(line, {
      ...placed,
      text,
      state: SEALINGS[utterance.sealing] ?? "final",
      typed: utterance.modality === "MODALITY_TEXT",
      confidences: utterance.word_confidences ?? [],
    });
  }

  #tool({ tool_call_id: id }, values) {
    this.#change(this.#items.get(id) ?? this.#add({ kind: "tool", id }), values);
  }

  #captionOf(speaker, text, id) {
    const entryWords = words(text);
    const line = this.items.find((item) => {
      if (item.kind !== "line" || item.number || item.speaker !== speaker || !item.text) return false;
      if (UUID.test(item.id)) return false; // its own entry will follow
      const shown = words(item.text);
      return (
        shown === entryWords ||
        (speaker === "agent" && entryWords && (shown.startsWith(entryWords) || entryWords.startsWith(shown)))
      );
    });
    return this.#alias(line, id);
  }

  /** Returns the oldest unconfirmed typed message with these words, and confirms it. */
  #unconfirmed(text, id) {
    const typed = words(text);
    const line = this.items.find((item) => item.unconfirmed && words(item.text) === typed);
    if (line) line.unconfirmed = false;
    return this.#alias(line, id);
  }

  #alias(line, id) {
    if (line) {
      this.#aliases.set(id, line.id);
      line.utteranceId = id;
    }
    return line;
  }

  #line(id) {
    return this.#items.get(this.#aliases.get(id) ?? id);
  }

  #add(item) {
    this.#items.set(item.id, item);
    return item;
  }

  #change(item, values) {
    Object.assign(item, values);
    this.dispatchEvent(new CustomEvent("change", { detail: { item } }));
  }
}
