// Shows the items of a CaptionsAndEntries as a list, and announces final lines to screen readers.
import { announce } from "../shared/announcer.js";
import { h, icon, ICONS } from "../shared/dom.js";
import { outcomeOf } from "../flights/tool-arguments.js";
import { toolSentence } from "./tool-sentences.js";

const SPEAKERS = { customer: "You", agent: "Readback" };
const EVENTS = {
  CALL_STARTED: "Call started",
  AGENT_JOINED: "The agent answered",
  AGENT_LOST: "The connection to the agent was lost",
  CALL_ENDED: "Call ended",
  CONVERSATION_ENDED: "Conversation closed",
};
const NOTES = { interrupted: "interrupted", truncated: "cut off" };
const CLOCK = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const NEAR_END_PX = 60;
const UNSURE = 0.5;

export class TranscriptView {
  #log;
  #list;
  #options;
  #rows = new Map();
  #announced = new Set();
  #following = true;
  #onChange = ({ detail }) => this.#draw(detail.item, true);
  #onRemove = ({ detail }) => this.#remove(detail.item);
  #height = 0;
  #onScroll = () => this.#scrolled();
  #resized = new ResizeObserver(() => this.#resize());

  /**
   * @param {CaptionsAndEntries} log
   * @param {{list: HTMLElement, testid: string, only?: "line", announce?: boolean, times?: boolean,
   *   follow?: boolean}} options  with `follow` the newest line stays in view unless the reader scrolls up
   */
  constructor(log, options) {
    this.#log = log;
    this.#list = options.list;
    this.#options = options;
    this.#list.replaceChildren();
    for (const item of log.items) this.#draw(item, false);
    log.addEventListener("change", this.#onChange);
    log.addEventListener("remove", this.#onRemove);
    if (!options.follow) return;
    this.#list.addEventListener("scroll", this.#onScroll);
    this.#resized.observe(this.#list); // a list in a hidden tab has no size, and can't be scrolled
    this.#follow();
  }

  stop() {
    this.#log.removeEventListener("change", this.#onChange);
    this.#log.removeEventListener("remove", this.#onRemove);
    this.#list.removeEventListener("scroll", this.#onScroll);
    this.#resized.disconnect();
  }

  /** Follows as long as the reader stays near the end. A scroll due to a new size isn't the reader's. */
  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    if (clientHeight !== this.#height) return;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #resize() {
    this.#height = this.#list.clientHeight;
    this.#follow();
  }

  #follow() {
    if (this.#options.follow && this.#following) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #remove(item) {
    this.#rows.get(item.id)?.element.remove();
    this.#rows.delete(item.id);
  }

  #draw(item, live) {
    if (this.#options.only && item.kind !== this.#options.only) return;
    if (item.kind === "line" && !item.text) return;
    this.#scrolled(); // the event of the reader's last scroll may be still to come
    let row = this.#rows.get(item.id);
    if (!row) {
      row = ROWS[item.kind](this.#options);
      this.#rows.set(item.id, row);
      this.#list.append(row.element);
    }
    row.show(item);
    this.#follow();
    if (live) this.#announce(item);
  }

  #announce(item) {
    if (
      !this.#options.announce ||
      item.kind !== "line" ||
      item.state === "open" ||
      item.typed ||
      this.#announced.has(item.id)
    )
      return;
    this.#announced.add(item.id);
    announce(`${SPEAKERS[item.speaker]}: ${item.text}`);
  }
}

function lineRow({ testid, times }) {
  const who = h("span", { class: "line-who" });
  const note = h("span", { class: "line-note" });
  const text = h("p", { class: "line-text" });
  let shown = "";
  const element = h(
    "li",
    { class: "line", "data-testid": testid },
    h("div", { class: "line-head" }, who, note),
    text,
  );
  return {
    element,
    show(item) {
      element.dataset.speaker = item.speaker;
      element.dataset.state = item.state;
      element.dataset.utteranceId = item.utteranceId ?? item.id;
      if (item.number) element.dataset.number = item.number;
      who.textContent = SPEAKERS[item.speaker];
      note.textContent = [
        NOTES[item.state],
        item.typed && "typed",
        times && item.number && CLOCK.format(item.time),
      ]
        .filter(Boolean)
        .join(" · ");
      const wanted = JSON.stringify([item.text, item.confidences]);
      if (shown !== wanted) text.replaceChildren(...wordsOf(item));
      shown = wanted;
    },
  };
}

/** Returns the text of a line, with words that the recogniser may have got wrong as elements. */
function wordsOf({ text, confidences = [] }) {
  let word = 0;
  return text.split(/(\s+)/).map((part) => {
    if (!part.trim()) return part;
    const unsure = confidences[word++] < UNSURE;
    return unsure ? h("span", { class: "unsure", title: "May be misheard" }, part) : part;
  });
}

function toolRow() {
  const text = h("span");
  const element = h("li", { class: "aside", "data-testid": "transcript-tool" }, icon(ICONS.tool), text);
  return {
    element,
    show(item) {
      element.dataset.tool = (item.call ?? item.result).name;
      element.dataset.outcome = outcomeOf(item.result);
      text.textContent = toolSentence(item);
    },
  };
}

function eventRow({ times }) {
  const element = h("li", { class: "aside event", "data-testid": "transcript-event" });
  return {
    element,
    show(item) {
      element.textContent = [EVENTS[item.change] ?? item.change, times && CLOCK.format(item.time)]
        .filter(Boolean)
        .join(" · ");
    },
  };
}

const ROWS = { line: lineRow, tool: toolRow, event: eventRow };
