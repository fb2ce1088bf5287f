// A song that does not come: is it the file, or the way to it? A song is called broken only where the server could be
// asked meanwhile; what was lost with the line is loaded again as soon as there is one.

const ANSWER_MS = 5000;
const LONGEST_PAUSE_MS = 8000;
/** A failure so long after the last one is another story. */
const OVER_MS = 10_000;
/** `MediaError.MEDIA_ERR_NETWORK`: the bytes stopped coming, which says nothing about them. */
const LINE_BROKE = 2;

/**
 * @typedef {"given" | "refused" | "away"} Answer
 * @typedef {{itemId: string, isBroken: boolean, isAsking: boolean, metAt: number, dueAt: number, rounds: number,
 *   failures: number}} Story  of one item's failures; `failures` counts those in a row with the server there
 */

/** What the server says of a song's bytes just now. @param {string} songId @returns {Promise<Answer>} */
export async function askFor(songId) {
  try {
    const how = { method: "HEAD", cache: /** @type {const} */ ("no-store"), signal: AbortSignal.timeout(ANSWER_MS) };
    return judged((await fetch(`/api/v1/songs/${songId}/stream`, how)).status);
  } catch {
    return "away";
  }
}

/** A part that is away, and too many questions, pass. @param {number} status @returns {Answer} */
export function judged(status) {
  if (status < 400) return "given";
  return status >= 500 || status === 429 ? "away" : "refused";
}

/** The failures of the song that is to sound now. */
export class Trouble {
  /**
   * @param {{again: () => void, broken: () => void, ask?: (songId: string) => Promise<Answer>}} parts
   *   load it again; say that it is broken, now and then as long as it is
   */
  constructor({ again, broken, ask = askFor }) {
    this.again = again;
    this.broken = broken;
    this.ask = ask;
    this.story = begun("");
  }

  /** @param {string} itemId */
  isBroken(itemId) {
    return this.story.itemId === itemId && this.story.isBroken;
  }

  /** It has failed, or still lies failed: may be called as often as one likes. @param {Item} item @param {number | undefined} code of the element's error */
  async meet(item, code) {
    const now = performance.now();
    if (item.itemId !== this.story.itemId || now - this.story.metAt > OVER_MS) this.story = begun(item.itemId);
    const { story } = this;
    story.metAt = now;
    if (story.isAsking || now < story.dueAt) return;
    story.isAsking = true;
    const answer = await this.ask(item.songId);
    if (story === this.story) this.#learn(answer, code);
  }

  /** Nobody waits for it any more; who comes to want it again gets it at once. */
  forget() {
    this.story = begun("");
  }

  /** Given and failed again: then it is the file. The first failure may be as old as an outage. @param {Answer} answer @param {number | undefined} code */
  #learn(answer, code) {
    const { story } = this;
    story.isAsking = false;
    story.dueAt = performance.now() + pauseAfter(story.rounds++);
    if (answer === "away") story.failures = 0;
    if (answer === "given" && code !== LINE_BROKE) story.failures += 1;
    story.isBroken = answer === "refused" || story.failures > 1;
    if (story.isBroken) this.broken();
    if (answer === "given") this.again();
  }
}

/** @param {string} itemId @returns {Story} */
function begun(itemId) {
  return { itemId, isBroken: false, isAsking: false, metAt: performance.now(), dueAt: 0, rounds: 0, failures: 0 };
}

/** The second try comes at once. @param {number} rounds */
function pauseAfter(rounds) {
  return rounds ? Math.min(LONGEST_PAUSE_MS, 500 * 2 ** rounds) : 0;
}
