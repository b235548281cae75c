// <live-transcript>: the transcript of the shown conversation, with its tool calls.
import { conversation } from "../shared/conversation.js";
import { h } from "../shared/dom.js";
import { TranscriptView } from "./transcript-view.js";

class LiveTranscript extends HTMLElement {
  #view = null;

  connectedCallback() {
    if (this.childElementCount) return;
    this.list = h("ol", { class: "lines tall", tabindex: "0", "aria-label": "Transcript" });
    this.state = h("p", { class: "feed-state", role: "status", "data-testid": "feed-state", hidden: true });
    this.append(
      this.state,
      this.list,
      h(
        "p",
        { class: "empty" },
        "Everything that you and the agent say appears here, word for word, and is stored in History.",
      ),
    );
    conversation.addEventListener("switched", () => this.#showLog());
    conversation.addEventListener("feed", ({ detail }) => {
      this.state.hidden = detail !== "down";
      this.state.textContent =
        detail === "down" ? "The connection was lost. The transcript will continue when the connection is restored." : "";
    });
    this.#showLog();
  }

  #showLog() {
    this.#view?.stop();
    this.#view = new TranscriptView(conversation.log, {
      list: this.list,
      testid: "transcript-line",
      times: true,
      follow: true,
    });
  }
}

customElements.define("live-transcript", LiveTranscript);
