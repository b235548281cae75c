// The place of the running call among the calls that wait for an agent.
import { get } from "../shared/api.js";

const EVERY_MS = 5000;

export class WaitingLine {
  /** Place from 1; 0 if it is unknown or the call isn't waiting. */
  place = 0;
  #timer = 0;
  #onChange;

  /** @param {() => void} onChange  called when `place` may have changed */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Asks for the place every five seconds until `leave` is called. */
  join() {
    this.#timer ||= setInterval(() => this.#ask(), EVERY_MS);
  }

  leave() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.place = 0;
  }

  async #ask() {
    const { call } = await get("/api/calls/running").catch(() => ({}));
    if (!this.#timer) return;
    this.place = call?.place_in_line ?? 0;
    this.#onChange();
  }
}
