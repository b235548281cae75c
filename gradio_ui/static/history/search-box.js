// A search box. It searches after a pause in typing or on Enter. Escape clears it.
import { h, icon, ICONS } from "../shared/dom.js";

const PAUSE_MS = 350;
const MAX_LENGTH = 200;

export class SearchBox {
  #timer = 0;
  #lastSearch = "";
  #onSearch;

  /** @param {() => void} onSearch  called when `words` have changed */
  constructor(onSearch) {
    this.#onSearch = onSearch;
    this.input = h("input", {
      type: "search",
      "aria-label": "Search in your conversations",
      placeholder: "Search in your conversations…",
      maxlength: MAX_LENGTH,
      autocomplete: "off",
      enterkeyhint: "search",
      "data-testid": "history-search",
      oninput: () => this.#searchSoon(),
      onkeydown: (event) => event.key === "Escape" && this.#clear(event),
    });
    this.element = h(
      "form",
      { class: "search-box", role: "search", onsubmit: (event) => this.#searchNow(event) },
      icon(ICONS.search),
      this.input,
    );
  }

  get words() {
    return this.input.value.trim();
  }

  #searchSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), this.words ? PAUSE_MS : 0);
  }

  #searchNow(event) {
    event.preventDefault();
    this.#search();
  }

  #clear(event) {
    event.preventDefault();
    this.input.value = "";
    this.#search();
  }

  #search() {
    clearTimeout(this.#timer);
    if (this.words === this.#lastSearch) return;
    this.#lastSearch = this.words;
    this.#onSearch();
  }
}
