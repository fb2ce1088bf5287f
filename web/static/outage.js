// After an outage the server knows nothing of the sound we made meanwhile, and believes that it stopped.
// Who sounds speaks first: what the server only guessed is not obeyed before that was answered.

import { Away, Refused } from "./socket.js";

const ANSWER_MS = 2000;

/** Whether the player stands only because nobody heard of its outputs; a pause by a person looks different. @param {Player} state */
export function isGuess({ isPlaying, notice, anchoredAt }) {
  return !isPlaying && notice?.code === "output_lost" && notice.at === anchoredAt;
}

/**
 * Whether an output is there to take up the music. A device that lost its power counts as online for minutes: once
 * its silence has stopped the player it must have been seen since.
 * @param {Player} player @param {import("./store.js").Device[]} devices
 */
export function isSomebodyThere({ outputs, isPlaying, notice, outputSeenAt }, devices) {
  const isLost = !isPlaying && notice?.code === "output_lost" && !isAfter(outputSeenAt, notice.at);
  const isThere = (/** @type {import("./store.js").Device} */ one) => one.isOnline && !(isLost && !isAfter(one.lastSeenAt, notice.at));
  return devices.some((one) => isThere(one) && outputs.some(({ deviceId }) => deviceId === one.deviceId));
}

/** @param {string | null} one @param {string} other */
function isAfter(one, other) {
  return one !== null && Date.parse(one) > Date.parse(other);
}

/** What we say of our sound does not come through: while that is so, a guess that we are silent waits. */
export class Doubt {
  /** @param {{accept: (state: Player) => void, speak: () => void}} parts  take a state in; say at once what sounds */
  constructor({ accept, speak }) {
    this.accept = accept;
    this.speak = speak;
    this.isOpen = false;
    /** @type {Player | null} */
    this.guess = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /** From now on, or still: a guess that waits already waits for the next word of ours. */
  open() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isOpen = true;
  }

  /** Whether this state has to wait: until we were answered, or for two seconds. @param {Player} state */
  keeps(state) {
    if (!this.isOpen || !isGuess(state)) return false;
    const isFirst = this.guess === null;
    if (!this.guess || this.guess.version <= state.version) this.guess = state;
    if (isFirst) {
      this.timer = setTimeout(() => this.settle(), ANSWER_MS);
      this.speak();
    }
    return true;
  }

  /** The answer is here: a guess that is still the newest word holds. @param {Player | null} [answer] */
  settle(answer = null) {
    const { guess } = this;
    this.drop();
    for (const state of [answer, guess]) if (state) this.accept(state);
  }

  /** The line broke: nobody guesses any more. */
  drop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isOpen = false;
    this.guess = null;
  }
}

/** What this device says of its sound, and the doubt that is left in all windows of a browser when it is not heard. */
export class Reports {
  /** @param {{line: import("./tabs.js").Line, accept: (state: Player) => void, speak: () => void}} parts */
  constructor({ line, accept, speak }) {
    this.line = line;
    this.doubt = new Doubt({ accept, speak });
    line.addEventListener("doubt", () => this.doubt.open());
    line.addEventListener("doubtOver", (event) => this.doubt.settle(/** @type {CustomEvent} */ (event).detail));
    line.addEventListener("down", () => this.doubt.drop());
  }

  /**
   * We sound, and the server could not hear of it: say so, and until that was answered obey no guess that we do not.
   * @param {() => Promise<unknown>} say
   */
  speakFirst(say) {
    this.line.tell("doubt", null);
    return say();
  }

  /** Nothing sounds here: what the server believes is so. */
  trust() {
    this.line.tell("doubtOver", null);
  }

  /**
   * What was not heard is said again in a few seconds, as it is then. That the music plays must not go unheard.
   * @param {import("./output.js").Report} report @returns {Promise<unknown>}
   */
  async send(report) {
    const asked = this.line.request("device.report", report, { keep: false });
    try {
      return await (report.state === "playing" ? this.#insist(asked) : asked);
    } catch (error) {
      if (!(error instanceof Away) && !(error instanceof Refused)) throw error;
    }
  }

  /** @param {Promise<unknown>} asked */
  async #insist(asked) {
    const timer = setTimeout(() => this.doubt.isOpen || this.line.tell("doubt", null), ANSWER_MS);
    try {
      const answer = await asked;
      if (this.doubt.isOpen) await this.#settle();
      return answer;
    } catch (error) {
      this.#unheard(error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The server knows that we play: how it stands with that is the newest word. */
  async #settle() {
    this.line.tell("doubtOver", await this.line.request("player.get", {}, { keep: false }));
  }

  /** @param {unknown} error */
  #unheard(error) {
    if (error instanceof Refused && !error.isPassing) this.trust();
    else if (this.line.isUp) this.line.tell("doubt", null);
  }
}
