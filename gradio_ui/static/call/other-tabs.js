// Tabs of one browser tell each other which call they are in, so that a second one asks before it takes a call over.

const CHANNEL = "readback.calls";
const ANSWER_MS = 250;

export class OtherTabs {
  #channel = new BroadcastChannel(CHANNEL);
  #mine = () => null;

  /** @param {() => string|null} mine  the call this tab is in */
  constructor(mine) {
    this.#mine = mine;
    this.#channel.addEventListener("message", ({ data }) => {
      if (data.ask && data.ask === this.#mine()) this.#channel.postMessage({ held: data.ask });
    });
  }

  /** Whether another tab is in a call. */
  async hold(callId) {
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
