// The transcript of a past conversation, with buttons to download it, call again, or delete it.
import { get, request, urlOf } from "../shared/api.js";
import { conversation } from "../shared/conversation.js";
import { ask } from "../shared/ask.js";
import { h, icon, ICONS } from "../shared/dom.js";
import { titleOf, when } from "./past-rows.js";
import { CaptionsAndEntries } from "../transcript/captions-and-entries.js";
import { TranscriptView } from "../transcript/transcript-view.js";

const FILES = {
  txt: ["Text", "as a text file", "text/plain"],
  vtt: ["WebVTT", "as WebVTT subtitles", "text/vtt"],
  json: ["JSON", "as JSON, for programs", "application/json"],
};

export class PastTranscript {
  #one;
  #on;

  /**
   * Loads the whole log of a conversation, and returns its transcript.
   * @param {{back: Function, callAgain: Function, deleted: Function, showProblem: (message: string) => void}}
   *   on
   */
  static async load(one, on) {
    const log = new CaptionsAndEntries();
    let token = "";
    do {
      const page = await get(
        `/api/conversations/${one.conversation_id}/entries?page_token=${encodeURIComponent(token)}`,
      );
      for (const entry of page.entries ?? []) log.entry(entry);
      token = page.next_page_token;
    } while (token);
    return new PastTranscript(one, log, on);
  }

  constructor(one, log, on) {
    this.#one = one;
    this.#on = on;
    const title = titleOf(one.title);
    this.heading = h("h2", { tabindex: "-1" }, title);
    this.list = h("ol", { class: "lines tall", tabindex: "0", "aria-label": `Transcript of ${title}` });
    this.elements = [
      h(
        "div",
        { class: "past-head" },
        this.#button("history-back", "quiet", ICONS.back, "All conversations", on.back),
        this.#callAgain(),
      ),
      this.heading,
      h("p", { class: "search-facts" }, when(one.create_time)),
      this.#actions(title),
      this.list,
      h("p", { class: "empty" }, "This conversation has no transcript."),
    ];
    new TranscriptView(log, { list: this.list, testid: "history-line", times: true });
  }

  /** Scrolls to the entry with this number, or to the beginning if `number` is null. */
  scrollTo(number) {
    const line = number && this.list.querySelector(`[data-number="${number}"]`);
    this.list.scrollTop = 0;
    if (!line) return this.heading.focus({ preventScroll: true });
    line.classList.add("found-line");
    line.tabIndex = -1;
    line.scrollIntoView({ block: "center" });
    line.focus({ preventScroll: true });
  }

  #callAgain() {
    const active = this.#one.state === "CONVERSATION_STATE_ACTIVE";
    return (
      active &&
      this.#button("history-continue", "outline", ICONS.call, "Call again about this", this.#on.callAgain)
    );
  }

  #actions(title) {
    const files = Object.entries(FILES).map(([suffix, [label, spoken, type]]) =>
      h(
        "a",
        {
          class: "button quiet",
          type,
          "data-testid": `export-${suffix}`,
          download: "",
          "aria-label": `Download the transcript ${spoken}`,
          href: urlOf(`/api/conversations/${this.#one.conversation_id}/transcript.${suffix}`),
        },
        icon(ICONS.download),
        label,
      ),
    );
    return h(
      "div",
      { class: "past-tools", role: "group", "aria-label": `Transcript of ${title}` },
      ...files,
      (this.deleteButton = this.#button("history-delete", "quiet danger-text", ICONS.bin, "Delete…", () =>
        this.#askToDelete(),
      )),
    );
  }

  async #askToDelete() {
    const ends =
      this.#one.running_call || (conversation.inCall && conversation.id === this.#one.conversation_id);
    const sure = await ask({
      title: "Delete this conversation?",
      text:
        `“${titleOf(this.#one.title)}” and its transcript will be deleted permanently.` +
        (ends ? " The running call in it will end." : ""),
      yes: "Delete permanently",
      no: "Keep it",
      testid: "ask-delete",
      yesTestid: "delete-for-good",
    });
    if (sure) await this.#delete();
  }

  async #delete() {
    this.deleteButton.disabled = true;
    try {
      await request("DELETE", `/api/conversations/${this.#one.conversation_id}`);
    } catch (error) {
      this.deleteButton.disabled = false;
      // A conversation that was deleted on another device needs no error message.
      if (error.reason !== "CONVERSATION_NOT_FOUND") return this.#on.showProblem(error.message);
    }
    this.#on.deleted();
  }

  #button(testid, kind, path, label, onclick) {
    return h(
      "button",
      { type: "button", class: `button ${kind}`, "data-testid": testid, onclick },
      icon(path),
      label,
    );
  }
}
