// Asks the server what time it is, now and then, so that the common clock stays true.

import { WELL_MS } from "./clock.js";
import { Away } from "./socket.js";

const EVERY_MS = 2500;
/** So often while several devices sound together and the common clock may be wrong by more than a few milliseconds. */
const SOON_MS = 500;
const AT_ONCE = 12;

export class Measuring {
  /** @param {import("./tabs.js").Line} line @param {import("./clock.js").Clock} clock */
  constructor(line, clock) {
    this.line = line;
    this.clock = clock;
  }

  /** From now on, for good. @param {() => boolean} isTogether whether this device sounds with others */
  start(isTogether) {
    if (this.line.isUp) this.#once();
    const isSoon = this.line.isUp && isTogether() && this.clock.errorMs > WELL_MS;
    setTimeout(() => this.start(isTogether), isSoon ? SOON_MS : EVERY_MS);
  }

  /** Fill the window of measurements at once: who comes late to a party should be in time soon. */
  async well() {
    for (let round = 0; round < AT_ONCE; round += 1) {
      await this.#once();
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  async #once() {
    const t0 = performance.now();
    try {
      const { t1, t2 } = await this.line.request("clock.ping", { t0 }, { keep: false });
      this.clock.add(t0, t1, t2, performance.now());
    } catch (error) {
      // The line broke; the next one comes soon.
      if (!(error instanceof Away)) throw error;
    }
    for (const panel of document.querySelectorAll("clock-panel")) /** @type {any} */ (panel).show(this.clock);
  }
}
