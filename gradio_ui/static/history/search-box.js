// A search box that searches by itself when typing rests, at once on Enter, and is emptied by Escape.
import { h, icon, ICONS } from "/ui/shared/dom.js";

const REST_MS = 350;
const LONGEST = 200;

export class SearchBox {
  #timer = 0;
  #asked = "";
  #onSearch;

  /** @param {() => void} onSearch  called when `words` have changed */
  constructor(onSearch) {
    this.#onSearch = onSearch;
    this.input = h("input", {
      type: "search", "aria-label": "Search in what was said", placeholder: "Search in what was said…", maxlength: LONGEST,
      autocomplete: "off", enterkeyhint: "search", "data-testid": "history-search",
      oninput: () => this.#later(), onkeydown: (event) => event.key === "Escape" && this.#empty(event),
    });
    this.element = h("form", { class: "search-box", role: "search", onsubmit: (event) => this.#now(event) }, icon(ICONS.search), this.input);
  }

  get words() {
    return this.input.value.trim();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), this.words ? REST_MS : 0);
  }

  #now(event) {
    event.preventDefault();
    this.#ask();
  }

  #empty(event) {
    event.preventDefault();
    this.input.value = "";
    this.#ask();
  }

  #ask() {
    clearTimeout(this.#timer);
    if (this.words === this.#asked) return;
    this.#asked = this.words;
    this.#onSearch();
  }
}
