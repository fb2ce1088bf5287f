// Which of several windows leads, agreed on by messages alone: for pages that have no Web Locks.

const ASK_AGAIN_MS = 6000;

/**
 * Who leads, without Web Locks. Always asks before claiming, because a hidden window's timers run late
 * while it still answers at once.
 */
export class Election {
  /**
   * @param {{id: string, send: (message: object) => void, lead: () => void, follow: () => void, random?: () => number}} parts
   */
  constructor({ id, send, lead, follow, random = Math.random }) {
    this.id = id;
    this.send = send;
    this.lead = lead;
    this.follow = follow;
    this.random = random;
    this.isLeading = false;
    this.heardAt = 0;
    this.isAsking = false;
    /** @type {ReturnType<typeof setTimeout>[]} */
    this.timers = [];
  }

  start() {
    this.#ask();
    const beat = setInterval(() => this.#beat(), 2000);
    this.timers.push(/** @type {any} */ (beat));
  }

  stop() {
    if (this.isLeading) this.send({ kind: "bye", id: this.id });
    this.isLeading = false;
    this.timers.forEach(clearTimeout);
  }

  /** Lead from now on; whoever leads gives way. */
  take() {
    this.send({ kind: "taken", id: this.id });
    this.#win();
  }

  /** @param {{kind: string, id: string}} message */
  hear(message) {
    const { kind, id } = message;
    if (kind === "who" && this.isLeading) this.send({ kind: "me", id: this.id });
    if (kind === "claim" && this.isLeading) this.send({ kind: "me", id: this.id });
    if (kind === "claim" && this.isAsking && id < this.id) this.#settle();
    if (kind === "me") this.#meet(id);
    if (kind === "taken") this.#yield();
    if (kind === "bye") this.#later(() => this.#ask(), 50 + this.random() * 200);
  }

  #beat() {
    if (this.isLeading) this.send({ kind: "me", id: this.id });
    else if (performance.now() - this.heardAt > ASK_AGAIN_MS) this.#ask();
  }

  #ask() {
    if (this.isAsking || this.isLeading) return;
    this.isAsking = true;
    this.send({ kind: "who", id: this.id });
    this.#later(() => this.isAsking && this.#claim(), 150 + this.random() * 150);
  }

  #claim() {
    this.send({ kind: "claim", id: this.id });
    this.#later(() => this.isAsking && this.#win(), 150);
  }

  #win() {
    this.#settle();
    if (this.isLeading) return;
    this.isLeading = true;
    this.send({ kind: "me", id: this.id });
    this.lead();
  }

  /** @param {string} id */
  #meet(id) {
    if (this.isLeading && id > this.id) return this.send({ kind: "me", id: this.id });
    this.#yield();
  }

  #yield() {
    this.#settle();
    if (!this.isLeading) return;
    this.isLeading = false;
    this.follow();
  }

  #settle() {
    this.isAsking = false;
    this.heardAt = performance.now();
  }

  /** @param {() => void} what @param {number} after */
  #later(what, after) {
    this.timers.push(setTimeout(what, after));
  }
}
