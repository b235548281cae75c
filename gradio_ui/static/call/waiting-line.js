// The place of the running call among the calls that wait for an agent.
import { conversation } from "../shared/conversation.js";

/** Time after which the place is shown. Mostly an agent joins earlier. */
const AFTER_MS = 5000;

export class WaitingLine {
  #waited = false;
  #timer = 0;
  #onChange;

  /** @param {() => void} onChange  called when `place` may have changed */
  constructor(onChange) {
    this.#onChange = onChange;
    conversation.addEventListener("state", onChange);
  }

  /** Place from 1; 0 if it is unknown, if the call isn't waiting, or if it hasn't waited for long. */
  get place() {
    return this.#waited ? (conversation.state?.running_call?.place_in_line ?? 0) : 0;
  }

  join() {
    this.#timer ||= setTimeout(() => {
      this.#waited = true;
      this.#onChange();
    }, AFTER_MS);
  }

  leave() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#waited = false;
  }
}
