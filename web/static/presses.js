// Play and pause as a person presses them: each press counts, however late the answers come.

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
