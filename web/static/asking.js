// Questions whose answers make the picture whole: of each kind one at a time, until there is nothing left to ask.

import { Away, Refused, backOff } from "./socket.js";

/** Several reasons in one moment ask once. */
const SOON_MS = 30;

/** @typedef {() => Promise<unknown> | null} Question  looks itself whether there is still something to ask */

export class Asking {
  /** @param {{isUp: () => boolean, random?: () => number}} parts */
  constructor({ isUp, random = Math.random }) {
    this.isUp = isUp;
    this.random = random;
    /** @type {Map<string, Question | null>} what is being asked, and what was wanted meanwhile */
    this.wanted = new Map();
    /** @type {Set<string>} */
    this.isComing = new Set();
  }

  /** @param {string} what @param {Question} question */
  soon(what, question) {
    if (this.isComing.has(what)) return;
    this.isComing.add(what);
    setTimeout(() => {
      this.isComing.delete(what);
      this.ask(what, question);
    }, SOON_MS);
  }

  /** The answer under way may be older than this wish: so it is looked at again when that is here. @param {string} what @param {Question} question */
  async ask(what, question) {
    if (this.wanted.has(what)) return void this.wanted.set(what, question);
    try {
      await this.#untilTold(what, question);
    } finally {
      this.wanted.delete(what);
    }
  }

  /** @param {string} what @param {Question} first */
  async #untilTold(what, first) {
    let attempt = 0;
    for (let question = /** @type {Question | null} */ (first); question; ) {
      this.wanted.set(what, null);
      const isTold = await this.#isTold(question);
      if (!isTold) await this.#pause(attempt++);
      else attempt = 0;
      // When the line comes up again everything is told anew.
      if (!this.isUp()) return;
      question = this.wanted.get(what) ?? (isTold ? null : question);
    }
  }

  /** False when it was put off: a part of the server is away, or too much was asked. @param {Question} question */
  async #isTold(question) {
    try {
      await question();
    } catch (error) {
      if (error instanceof Refused) return !error.isPassing;
      if (!(error instanceof Away)) throw error;
    }
    return true;
  }

  /** Spread over time, and never at once: it may have been too much already. @param {number} attempt */
  #pause(attempt) {
    return new Promise((resolve) => setTimeout(resolve, backOff(attempt, (1 + this.random()) / 2)));
  }
}
