// Which of several windows leads: by Web Locks, and for pages that have none agreed on by messages alone.

const ASK_AGAIN_MS = 6000;

/** Who leads, by the locks that the browser keeps for all windows. */
export class Locks {
  #leave = () => {};

  /** @param {{name: string, lead: () => void, follow: () => void}} parts */
  constructor({ name, lead, follow }) {
    this.name = name;
    this.lead = lead;
    this.follow = follow;
  }

  start() {
    this.#queue(false);
  }

  /** Give the lead back, or wait for it no longer; `start` begins anew. */
  stop() {
    this.#leave();
  }

  /** Lead from now on; whoever leads gives way. */
  take() {
    this.#queue(true);
  }

  hear() {}

  doubt() {}

  /** @param {boolean} steal */
  #queue(steal) {
    this.#leave();
    const leaving = new AbortController();
    this.#leave = () => leaving.abort();
    navigator.locks
      .request(this.name, steal ? { steal } : { signal: leaving.signal }, () => {
        this.lead();
        return new Promise((resolve) => (this.#leave = () => resolve(null)));
      })
      .catch(() => {
        if (leaving.signal.aborted) return;
        this.follow();
        this.#queue(false);
      });
  }
}

/**
 * Who leads, without Web Locks. Always asks before claiming, because a hidden window's timers run late
 * while it still answers at once. Where two have come to lead, because one of them slept when it was asked, the one
 * that began later does: its socket is the newer one, and the server has closed the other's.
 */
export class Election {
  /**
   * @param {{id: string, send: (message: object) => void, lead: () => void, follow: () => void, random?: () => number,
   *   now?: () => number}} parts  `now` is the time all windows share
   */
  constructor({ id, send, lead, follow, random = Math.random, now = Date.now }) {
    this.id = id;
    this.send = send;
    this.lead = lead;
    this.follow = follow;
    this.random = random;
    this.now = now;
    this.isLeading = false;
    /** Since when this window leads, as it tells the others. */
    this.since = 0;
    this.isStopped = true;
    this.heardAt = 0;
    this.isAsking = false;
    /** @type {ReturnType<typeof setTimeout>[]} */
    this.timers = [];
  }

  start() {
    if (!this.isStopped) return;
    this.isStopped = false;
    this.#ask();
    const beat = setInterval(() => this.#beat(), 2000);
    this.timers.push(/** @type {any} */ (beat));
  }

  /** Take no part any more; `start` begins anew. */
  stop() {
    if (this.isLeading) this.send({ kind: "bye", id: this.id });
    this.isLeading = false;
    this.isAsking = false;
    this.isStopped = true;
    this.timers.forEach(clearTimeout);
    this.timers = [];
  }

  /** Another socket speaks for this device. If it is that of a window of ours, that one leads, whenever it began. */
  doubt() {
    this.since = 0;
    if (this.isLeading) this.send({ kind: "who", id: this.id });
  }

  /** Lead from now on; whoever leads gives way. */
  take() {
    this.start();
    this.send({ kind: "taken", id: this.id });
    this.#win();
  }

  /** @param {{kind: string, id: string, since?: number}} message */
  hear(message) {
    const { kind, id, since = 0 } = message;
    if (this.isStopped) return;
    if ((kind === "who" || kind === "claim") && this.isLeading) this.#sayMe();
    if (kind === "claim" && this.isAsking && id < this.id) this.#settle();
    if (kind === "me") this.#meet(id, since);
    if (kind === "taken") this.#yield();
    if (kind === "bye") this.#later(() => this.#ask(), 50 + this.random() * 200);
  }

  #beat() {
    if (this.isLeading) this.#sayMe();
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
    this.since = this.now();
    this.#sayMe();
    this.lead();
  }

  #sayMe() {
    this.send({ kind: "me", id: this.id, since: this.since });
  }

  /** @param {string} id @param {number} since */
  #meet(id, since) {
    const isOlder = since < this.since || (since === this.since && id > this.id);
    if (this.isLeading && isOlder) return this.#sayMe();
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
