// Several windows of one browser are one device: one of them holds the socket and makes the sound,
// the others speak through it. Web Locks choose it; where a page came over plain http and has none,
// the windows choose among themselves over a BroadcastChannel.

import { Election, Locks } from "./election.js";
import { Away, Refused, newId } from "./socket.js";

const CHANNEL = "tutti";
/** Another socket speaks for this device: most often that of the window which has just taken the lead. */
const TAKEN_OVER = 4505;
const FOLLOWS_WITHIN_MS = 1000;
/** So that every window of ours has heard of the end before the lead is free. */
const GIVES_BACK_AFTER_MS = 1000;

/**
 * @typedef {{id: number, method: string, params: object, keep: boolean, at: number,
 *   resolve: (value: any) => void, reject: (reason: unknown) => void}} Pending
 */

/**
 * The one line to the server, whichever window holds it.
 * Events: `up` (hello), `down`, `ended`, `news`, `lead`, `follow`, and what `tell` sends to all windows.
 */
export class Line extends EventTarget {
  /**
   * @param {() => import("./socket.js").Socket} connect makes a socket for the window that leads
   */
  constructor(connect) {
    super();
    this.connect = connect;
    this.id = newId();
    /** @type {import("./socket.js").Socket | null} */
    this.socket = null;
    /** @type {Map<number, Pending>} */
    this.pending = new Map();
    this.lastId = 0;
    this.isUp = false;
    /** The server closed the door for good: none of these windows tries again before a person reloads one. */
    this.isEnded = false;
    /** Which requests of other windows are under way; after an outage they ask again. @type {Set<string>} */
    this.answering = new Set();
    /** @type {unknown} */
    this.hello = null;
    /** What the server said last of parts that are away. @type {unknown} */
    this.degraded = null;
    /** What only this window knows while it leads, and others have to. @type {() => [name: string, detail: unknown][]} */
    this.standing = () => [];
    this.channel = typeof BroadcastChannel === "function" ? new BroadcastChannel(CHANNEL) : null;
    if (this.channel) this.channel.onmessage = (event) => this.#hear(event.data);
    /** @type {Election | Locks | null} */
    this.election = null;
  }

  get isLeading() {
    return this.socket !== null;
  }

  start() {
    if (!this.channel) return this.#lead();
    this.#elect();
    this.#post({ kind: "join" });
    setInterval(() => this.#tick(), 1000);
  }

  /** Make this window the one that speaks and sounds: somebody pressed play here. */
  take() {
    if (!this.isLeading) this.election?.take();
  }

  /** @param {string} method @param {object} [params] @param {{keep?: boolean}} [how] @returns {Promise<any>} */
  request(method, params = {}, { keep = true } = {}) {
    if (this.socket) return this.socket.request(method, params, { keep });
    if (this.isEnded) return Promise.reject(new Away());
    return new Promise((resolve, reject) => {
      const one = { id: ++this.lastId, method, params, keep, at: performance.now(), resolve, reject };
      this.pending.set(one.id, one);
      this.#askLeader(one);
    });
  }

  /** Tell every window, this one too. @param {string} name @param {unknown} detail */
  tell(name, detail) {
    this.#post({ kind: "event", name, detail });
    this.#fire(name, detail);
  }

  /** Try soon to reach the server, whichever window has to: that one may be hidden, and then its own timers run late. */
  hurry() {
    if (this.socket) this.socket.hurry();
    else this.#post({ kind: "hurry" });
  }

  #elect() {
    const told = { lead: () => this.#lead(), follow: () => this.#follow() };
    const hasLocks = Boolean(globalThis.navigator?.locks);
    this.election = hasLocks ? new Locks({ name: CHANNEL, ...told }) : new Election({ id: this.id, send: (message) => this.#post(message), ...told });
    this.election.start();
    if (!hasLocks) this.#sayGoodbye();
  }

  /** The browser gives a lock back by itself, but nothing else. It may keep the page, and show it again. */
  #sayGoodbye() {
    globalThis.addEventListener?.("pagehide", () => {
      this.election?.stop();
      if (this.socket) this.#follow();
    });
    globalThis.addEventListener?.("pageshow", (event) => /** @type {PageTransitionEvent} */ (event).persisted && !this.isEnded && this.election?.start());
  }

  #lead() {
    if (this.socket) return;
    const socket = this.connect();
    this.socket = socket;
    this.isEnded = false;
    for (const name of ["up", "down", "ended", "news"]) {
      socket.addEventListener(name, (event) => this.#hearOwn(socket, name, /** @type {CustomEvent} */ (event).detail));
    }
    socket.open();
    this.#fire("lead", null);
    for (const one of this.pending.values()) this.#through(socket, one);
    this.pending.clear();
  }

  #follow() {
    this.socket?.close();
    this.socket = null;
    // What was told while this window believed to lead went past it: it is greeted anew.
    this.isUp = false;
    this.#fire("follow", null);
    this.#post({ kind: "join" });
  }

  /**
   * What our own socket says. That its place was taken is told only if no window of ours has the lead by then.
   * @param {import("./socket.js").Socket} socket @param {string} name @param {any} detail
   */
  #hearOwn(socket, name, detail) {
    if (detail?.code !== TAKEN_OVER) return this.#pass(name, detail);
    this.election?.doubt();
    setTimeout(() => this.socket === socket && this.#pass(name, detail), FOLLOWS_WITHIN_MS);
  }

  /** @param {string} name @param {any} detail */
  #pass(name, detail) {
    if (name === "up") [this.isUp, this.hello, this.degraded] = [true, detail, null];
    if (name === "down" || name === "ended") this.isUp = false;
    if (name === "news" && detail.method === "server.degraded") this.degraded = detail;
    this.tell(name, detail);
    if (name === "ended") this.#end();
  }

  /**
   * None of our windows tries again by itself: who has our place would lose it to us, and take it back. But the lead
   * is free, for a window that is opened or reloaded now; when that one is up, all speak through it.
   */
  #end() {
    const wasLeading = this.isLeading;
    this.isEnded = true;
    this.socket = null;
    if (wasLeading) setTimeout(() => this.isEnded && this.election?.stop(), GIVES_BACK_AFTER_MS);
    else this.election?.stop();
  }

  /** Another window of ours got through: this one speaks through it, and leads when that one is closed. */
  #revive() {
    this.isEnded = false;
    this.election?.start();
  }

  /** @param {import("./socket.js").Socket} socket @param {Pending} one */
  #through(socket, one) {
    socket.request(one.method, one.params, { keep: one.keep }).then(one.resolve, one.reject);
  }

  /** @param {Pending} one */
  #askLeader({ id, method, params, keep }) {
    this.#post({ kind: "ask", to: null, tab: this.id, id, method, params, keep });
  }

  /** @param {any} message */
  #hear(message) {
    this.election?.hear(message);
    if (message.kind === "event") this.#heardEvent(message);
    if (message.kind === "join" && this.isUp && this.socket) this.#greet();
    if (message.kind === "hurry") this.socket?.hurry();
    if (message.kind === "ask" && this.socket) this.#answer(message);
    if (message.kind === "answer" && message.tab === this.id) this.#answered(message);
  }

  /** A window that has just come learns what the server said before, and how it stands with the sound. */
  #greet() {
    this.#post({ kind: "event", name: "up", detail: { .../** @type {object} */ (this.hello), again: true } });
    if (this.degraded) this.#post({ kind: "event", name: "news", detail: this.degraded });
    for (const [name, detail] of this.standing()) this.#post({ kind: "event", name, detail });
  }

  /** @param {{name: string, detail: any}} message */
  #heardEvent({ name, detail }) {
    if (this.socket) return ["up", "down", "ended", "news"].includes(name) ? undefined : this.#fire(name, detail);
    // A replayed greeting is for windows that have just come; the others are up already.
    if (name === "up" && detail?.again && this.isUp) return;
    if (name === "up") [this.isUp, this.hello] = [true, detail];
    if (name === "down" || name === "ended") this.isUp = false;
    if (name === "up" && this.isEnded) this.#revive();
    if (name === "ended") this.#end();
    this.#fire(name, name === "up" ? { ...detail, again: true } : detail);
    if (name === "up") for (const one of this.pending.values()) if (one.keep) this.#askLeader(one);
  }

  /** @param {{tab: string, id: number, method: string, params: object, keep: boolean}} message */
  async #answer({ tab, id, method, params, keep }) {
    const reply = { kind: "answer", tab, id };
    const asked = `${tab} ${id}`;
    if (this.answering.has(asked)) return;
    this.answering.add(asked);
    try {
      this.#post({ ...reply, result: await this.socket?.request(method, params, { keep }) });
    } catch (error) {
      const refused = error instanceof Refused ? { code: error.code, message: error.message, data: error.data } : null;
      this.#post({ ...reply, refused });
    } finally {
      this.answering.delete(asked);
    }
  }

  /** @param {{id: number, result?: any, refused?: any}} message */
  #answered(message) {
    const one = this.pending.get(message.id);
    if (!one) return;
    this.pending.delete(message.id);
    if ("result" in message) one.resolve(message.result);
    else one.reject(message.refused ? new Refused(message.refused) : new Away());
  }

  #tick() {
    this.socket?.tick();
    const now = performance.now();
    for (const one of [...this.pending.values()]) {
      if (now - one.at < (one.keep ? 30_000 : 5000)) continue;
      this.pending.delete(one.id);
      one.reject(new Away());
    }
  }

  /** @param {object} message */
  #post(message) {
    this.channel?.postMessage(message);
  }

  /** @param {string} name @param {unknown} detail */
  #fire(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
