// The level meter: bars for the loudness of the caller and the agent. Hidden from screen readers.
import { h } from "../shared/dom.js";

const BARS = 28;

export class LevelMeter {
  element = h("div", { class: "waveform", "aria-hidden": "true", "data-testid": "level-meter" });
  #bars;
  #history = { caller: new Array(BARS).fill(0), agent: new Array(BARS).fill(0) };
  #frame = 0;

  constructor() {
    this.#bars = Array.from({ length: BARS }, () => h("i"));
    this.element.append(...this.#bars);
  }

  /** Draws until `stop` is called. @param {(side: "caller"|"agent") => number} level  returns 0 to 1 */
  start(level) {
    this.stop();
    let last = 0;
    const draw = (now) => {
      this.#frame = requestAnimationFrame(draw);
      if (now - last < 45) return;
      last = now;
      for (const side of ["caller", "agent"]) {
        this.#history[side].pop();
        this.#history[side].unshift(level(side));
      }
      this.element.dataset.caller = this.#history.caller[0].toFixed(3);
      this.element.dataset.agent = this.#history.agent[0].toFixed(3);
      this.#paint();
    };
    this.#frame = requestAnimationFrame(draw);
  }

  stop() {
    cancelAnimationFrame(this.#frame);
    for (const side of Object.values(this.#history)) side.fill(0);
    this.#paint();
  }

  /** Draws the newest level in the middle, and older levels to both sides of it. */
  #paint() {
    const middle = (BARS - 1) / 2;
    this.#bars.forEach((bar, i) => {
      const age = Math.round(Math.abs(i - middle));
      bar.style.setProperty("--caller", this.#history.caller[age].toFixed(3));
      bar.style.setProperty("--agent", this.#history.agent[age].toFixed(3));
    });
  }
}
