// Messages between the tabs of one browser. With them a tab finds out if another tab is in a call.

const CHANNEL = "readback.calls";
const ANSWER_MS = 250;

export class OtherTabs {
  #channel = new BroadcastChannel(CHANNEL);
  #mine = () => null;

  /** @param {() => string|null} mine  returns the id of the call that this tab is in, or null */
  constructor(mine) {
    this.#mine = mine;
    this.#channel.addEventListener("message", ({ data }) => {
      if (data.ask && data.ask === this.#mine()) this.#channel.postMessage({ held: data.ask });
    });
  }

  /** Returns whether another tab is in the call with this id. */
  async areIn(callId) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => done(false), ANSWER_MS);
      const listen = ({ data }) => data.held === callId && done(true);
      const done = (held) => {
        clearTimeout(timer);
        this.#channel.removeEventListener("message", listen);
        resolve(held);
      };
      this.#channel.addEventListener("message", listen);
      this.#channel.postMessage({ ask: callId });
    });
  }
}
