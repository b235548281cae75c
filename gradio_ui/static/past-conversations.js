// <past-conversations>: what was talked about before, and each conversation's transcript.
import { get } from "/ui/api.js";
import { conversation } from "/ui/conversation.js";
import { h, icon, ICONS } from "/ui/dom.js";
import { TranscriptLog } from "/ui/transcript-log.js";
import { TranscriptView } from "/ui/transcript-view.js";

const WHEN = new Intl.DateTimeFormat([], { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });
const when = (time) => (time ? WHEN.format(new Date(time)) : "");
const titleOf = (one) => one.title || "Conversation without a title";

class PastConversations extends HTMLElement {
  connectedCallback() {
    if (this.childElementCount) return;
    this.notice = h("p", { class: "notice", role: "alert", hidden: true });
    this.body = h("div", { class: "history" });
    this.append(this.notice, this.body);
    // Loaded when it comes into view, each time: conversations go on while the page is open.
    conversation.addEventListener("calls", () => this.offsetParent && this.#list());
    new IntersectionObserver(([seen]) => seen.isIntersecting && this.#list()).observe(this);
  }

  async #list() {
    if (this.opened) return;
    await this.#guarded(async () => {
      const { conversations = [], next_page_token: next } = await get("/api/conversations");
      const list = h("ul", { class: "past", "aria-label": "Past conversations" }, ...conversations.map((one) => this.#row(one)));
      const more = h("button", { type: "button", class: "button quiet", hidden: !next }, "Show older");
      let token = next;
      more.addEventListener("click", () => this.#guarded(async () => {
        const page = await get(`/api/conversations?page_token=${encodeURIComponent(token)}`);
        list.append(...(page.conversations ?? []).map((one) => this.#row(one)));
        more.hidden = !(token = page.next_page_token);
      }));
      this.body.replaceChildren(conversations.length ? list : h("p", { class: "empty" }, "No conversations yet. Your first call will be here."), more);
    });
  }

  #row(one) {
    const running = one.running_call ? h("span", { class: "tag live" }, "in a call") : null;
    return h("li", {}, h("button", { type: "button", class: "past-row", "data-testid": "past-conversation", "data-conversation-id": one.conversation_id, onclick: () => this.#open(one) },
      h("span", { class: "past-title" }, titleOf(one), running), h("span", { class: "past-when" }, when(one.create_time))));
  }

  async #open(one) {
    this.opened = one.conversation_id;
    await this.#guarded(async () => {
      const log = new TranscriptLog();
      let token = "";
      do {
        const page = await get(`/api/conversations/${one.conversation_id}/entries?page_token=${encodeURIComponent(token)}`);
        for (const entry of page.entries ?? []) log.entry(entry);
        token = page.next_page_token;
      } while (token);
      this.#show(one, log);
    });
  }

  #show(one, log) {
    const list = h("ol", { class: "lines tall", tabindex: "0", "aria-label": `Transcript of ${titleOf(one)}` });
    const back = h("button", { type: "button", class: "button quiet", "data-testid": "history-back", onclick: () => this.#close(one) }, icon(ICONS.back), "All conversations");
    const goOn = one.state === "CONVERSATION_STATE_ACTIVE" && h("button", { type: "button", class: "button outline", "data-testid": "history-continue", onclick: () => this.#continue(one) }, icon(ICONS.call), "Call again about this");
    this.body.replaceChildren(
      h("div", { class: "past-head" }, back, goOn),
      h("h2", { tabindex: "-1" }, titleOf(one)), h("p", { class: "search-facts" }, when(one.create_time)),
      list, h("p", { class: "empty" }, "Nothing was said in this conversation."),
    );
    new TranscriptView(log, { list, testid: "history-line", times: true });
    list.scrollTop = 0;
    this.querySelector("h2").focus({ preventScroll: true });
  }

  async #close(one) {
    this.opened = null;
    await this.#list();
    this.querySelector(`[data-conversation-id="${one.conversation_id}"]`)?.focus();
  }

  #continue(one) {
    if (conversation.inCall) return this.#complain("You are in a call. Hang up first, then call about this.");
    conversation.show(one.conversation_id);
    conversation.dispatchEvent(new Event("continue"));
  }

  async #guarded(work) {
    this.notice.hidden = true;
    try {
      await work();
    } catch (failure) {
      this.opened = null;
      this.#complain(failure.message);
    }
  }

  #complain(message) {
    this.notice.textContent = message;
    this.notice.hidden = false;
  }
}

customElements.define("past-conversations", PastConversations);
