// What a person presses and turns: each press counts, however late the answers come, and the last place of a slider arrives.

/** What the last press asked for, while its answer is under way. */
export class Presses {
  /** @type {{isPlaying: boolean} | null} */
  #asked = null;

  /** How it will stand when all is answered. @param {boolean | undefined} isPlaying how it stands now */
  expected(isPlaying) {
    return this.#asked?.isPlaying ?? isPlaying;
  }

  /** What a press on a button means: the same one again, before it was answered, means the other. @param {boolean} isPlaying */
  meant(isPlaying) {
    return this.#asked?.isPlaying === isPlaying ? !isPlaying : isPlaying;
  }

  /** Remember what was asked for until it is answered. @template T @param {boolean} isPlaying @param {() => Promise<T>} wish @returns {Promise<T>} */
  async ask(isPlaying, wish) {
    const mine = (this.#asked = { isPlaying });
    try {
      return await wish();
    } finally {
      if (this.#asked === mine) this.#asked = null;
    }
  }
}

/** More commands a second than this a slider must not ask for. */
const STEP_MS = 60;

/** A slider turns faster than commands may be sent: one is under way at a time, and after its answer the newest place goes. */
export class Turning {
  /** @type {{place: any, pass: (answer: any) => void} | null} */
  #next = null;
  #isUnderWay = false;

  /** @param {(place: any) => Promise<any>} wish */
  constructor(wish) {
    this.wish = wish;
  }

  /** Answers when this place was, or a newer one was wished for. @param {any} place @returns {Promise<any>} */
  to(place) {
    this.#next?.pass(null);
    return new Promise((pass) => {
      this.#next = { place, pass };
      if (!this.#isUnderWay) this.#turn();
    });
  }

  async #turn() {
    this.#isUnderWay = true;
    for (let one = this.#next; one; one = this.#next) {
      this.#next = null;
      const answer = this.wish(one.place);
      one.pass(answer);
      await Promise.allSettled([answer, new Promise((resolve) => setTimeout(resolve, STEP_MS))]);
    }
    this.#isUnderWay = false;
  }
}
