// <past-conversations>: the list of past conversations, a search in all of them, and the transcript of one.
import { get } from "../shared/api.js";
import { conversation } from "../shared/conversation.js";
import { h } from "../shared/dom.js";
import { SearchBox } from "./search-box.js";
import { foundRow, pastRow } from "./past-rows.js";
import { PastTranscript } from "./past-transcript.js";

const placeOf = ({ conversation_id: id, number }) => ({ id, number });
const rowOf = ({ id, number }) =>
  `[data-conversation-id="${id}"]${number ? `[data-number="${number}"]` : ""}`;

class PastConversations extends HTMLElement {
  #turn = 0;
  #focusInList = () => {};

  connectedCallback() {
    if (this.childElementCount) return;
    this.notice = h("p", { class: "notice", role: "alert", hidden: true });
    this.status = h("p", { class: "for-screen-readers", role: "status", "data-testid": "history-status" });
    this.search = new SearchBox(() => this.#showList());
    this.body = h("div", { class: "history" });
    this.append(this.search.element, this.notice, this.status, this.body);
    // Load the list again each time it becomes visible, because conversations change meanwhile.
    conversation.addEventListener("calls", () => this.offsetParent && this.#refresh());
    conversation.addEventListener("state", ({ detail }) => this.#update(detail));
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.#refresh()).observe(this);
    if (history.state?.past) history.replaceState(null, ""); // from before a reload; nothing is open now
    addEventListener("popstate", ({ state }) => this.#navigated(state?.past));
  }

  /** Opens or closes a transcript when the browser's Back or Forward button is pressed. */
  #navigated(past) {
    if (past) this.#openAt(past, false);
    else if (this.opened) this.#close();
  }

  #refresh() {
    if (!this.opened) this.#showList();
  }

  /** Shows the title and the call of a conversation in the list as they are now. */
  #update(one) {
    const known = this.body.querySelector(`[data-testid="past-conversation"]${rowOf({ id: one.conversation_id })}`);
    if (!known) return;
    const row = pastRow(one, () => this.#open(one));
    const focused = known === document.activeElement;
    known.closest("li").replaceWith(row);
    if (focused) row.firstElementChild.focus();
  }

  /** Shows search results, or all conversations without a search. */
  #showList() {
    this.opened = null;
    this.search.element.hidden = false;
    const { words } = this.search;
    return words ? this.#results(words) : this.#conversations();
  }

  #conversations() {
    return this.#pages({
      label: "Past conversations",
      load: async (token) => {
        const page = await get(`/api/conversations?page_token=${encodeURIComponent(token)}`);
        return {
          rows: (page.conversations ?? []).map((one) => pastRow(one, () => this.#open(one))),
          next: page.next_page_token,
        };
      },
      none: "No conversations yet. Your first call will appear here.",
    });
  }

  #results(words) {
    return this.#pages({
      label: `Search results for “${words}”`,
      load: async (token) => {
        const page = await get(
          `/api/found?words=${encodeURIComponent(words)}&page_token=${encodeURIComponent(token)}`,
        );
        return {
          rows: (page.results ?? []).map((one) => foundRow(one, () => this.#openAt(placeOf(one.entry)))),
          next: page.next_page_token,
        };
      },
      none: `No conversation contains “${words}”.`,
      summary: (count, more) => `${count}${more ? " or more" : ""} found`,
    });
  }

  /** Shows a list page by page. `load` returns the rows of a page and the token of the next page. */
  #pages({ label, load, none, summary = () => "" }) {
    return this.#latest(
      () => load(""),
      ({ rows, next }) => {
        const list = h("ul", { class: "past", "aria-label": label }, ...rows);
        this.status.textContent = rows.length ? summary(rows.length, next) : none;
        this.body.replaceChildren(
          rows.length ? list : h("p", { class: "empty" }, none),
          this.#showOlder(list, load, next),
        );
      },
    );
  }

  #showOlder(list, load, next) {
    const more = h(
      "button",
      { type: "button", class: "button quiet", "data-testid": "show-older", hidden: !next },
      "Show older",
    );
    more.addEventListener("click", async () => {
      more.disabled = true; // a second click would add the same rows again
      await this.#latest(
        () => load(next),
        (page) => {
          next = page.next;
          list.append(...page.rows);
          more.hidden = !next;
          page.rows[0]?.querySelector("button").focus();
        },
      );
      more.disabled = false;
    });
    return more;
  }

  #openAt(place, add = true) {
    const read = async () => this.#transcript((await get(`/api/conversations/${place.id}`)).conversation);
    return this.#show(place, read, add);
  }

  #open(one) {
    return this.#show({ id: one.conversation_id, number: null }, () => this.#transcript(one), true);
  }

  /** Shows a transcript at a place `{id, number}`, and adds it to the browser's history if `add` is true. */
  #show(place, read, add) {
    this.opened = place.id;
    return this.#latest(read, (shown) => {
      if (add) history.pushState({ past: place }, "");
      this.search.element.hidden = true;
      this.body.replaceChildren(...shown.elements);
      shown.scrollTo(place.number);
      this.#focusInList = () => this.querySelector(rowOf(place))?.focus();
    });
  }

  #transcript(one) {
    return PastTranscript.load(one, {
      back: () => history.back(),
      callAgain: () => this.#continue(one),
      deleted: () => this.#deleted(one),
      showProblem: (message) => this.#showProblem(message),
    });
  }

  async #close() {
    await this.#showList();
    this.#focusInList();
  }

  #deleted(one) {
    if (conversation.id === one.conversation_id) conversation.show(null);
    this.#focusInList = () => {
      this.status.textContent = "The conversation was deleted.";
      this.search.input.focus();
    };
    history.back();
  }

  #continue(one) {
    if (conversation.inCall)
      return this.#showProblem("You are in a call. Hang up first, then call again from this conversation.");
    conversation.show(one.conversation_id);
    conversation.dispatchEvent(new Event("continue"));
  }

  /** Calls `load`, then `show` with its result. Ignores result and error if a later call has started. */
  async #latest(load, show) {
    const turn = ++this.#turn;
    this.notice.hidden = true;
    try {
      const loaded = await load();
      if (turn === this.#turn) show(loaded);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.opened = null;
      this.#showProblem(error.message);
    }
  }

  #showProblem(message) {
    this.notice.textContent = message;
    this.notice.hidden = false;
  }
}

customElements.define("past-conversations", PastConversations);
