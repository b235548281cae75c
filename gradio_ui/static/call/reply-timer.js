// A timer that notices a question without an answer.

const PATIENCE_MS = 8000;

export class ReplyTimer {
  /** True while a question has had no answer for too long. */
  late = false;
  #timer = 0;
  #onChange;

  /** @param {() => void} onChange  called when `late` has changed */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Starts the timer. A further question doesn't restart it. */
  asked() {
    if (!this.late) this.#timer ||= setTimeout(() => this.#set(true), PATIENCE_MS);
  }

  /** Stops the timer, because the agent answers or the call is over. */
  answered() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (this.late) this.#set(false);
  }

  #set(late) {
    this.#timer = 0;
    this.late = late;
    this.#onChange();
  }
}
