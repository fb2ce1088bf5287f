// One socket to the server: JSON-RPC 2.0, comes back by itself, repeats what was not answered.

/**
 * @typedef {{code: number, message: string, data?: {title?: string, detail?: string, status?: number}}} RpcError
 * @typedef {{id: number, method: string, params: object, keep: boolean, sentAt: number, askedAt: number,
 *   resolve: (value: any) => void, reject: (reason: unknown) => void}} Waiting
 */

/** A wish older than this is not repeated: music must not start minutes after a finger left the glass. */
const STALE_MS = 30_000;
const SILENT_MS = 10_000;
/** Nobody's haste makes us knock more often. */
const HURRY_MS = 1000;
const TOO_FAST = 4003;
/** Kept wishes go so many at once, and after that one at a time: clearly less than a server takes of one session. */
const AT_ONCE = 30;
const SPACING_MS = 50;

/**
 * How long to wait before the n-th try (0, 1, …): anything up to a bound that doubles, so that a thousand
 * devices do not come back in the same moment.
 * @param {number} attempt @param {number} random 0..1
 */
export function backOff(attempt, random) {
  return random * Math.min(30_000, 500 * 2 ** Math.min(attempt, 10));
}

/** Whether a close code invites us back. @param {number} code */
export function mayReturn(code) {
  return code < 4500 || code > 4999;
}

/** A random UUID, also where the page came over plain http and `crypto.randomUUID` is withheld. */
export function newId() {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** The answer was an error: `message` is a sentence for the person. */
export class Refused extends Error {
  /** @param {RpcError} error */
  constructor(error) {
    super(error.data?.detail || error.data?.title || error.message);
    this.code = error.code;
    this.status = error.data?.status ?? 0;
    this.data = error.data;
  }

  /** The same may be answered a little later: a part is away, or too much was asked at once. */
  get isPassing() {
    return this.status === 429 || this.status === 503;
  }
}

/** The request found no server in time. */
export class Away extends Error {}

/**
 * Events: `up` (greeted; detail is the hello), `down`, `ended` (detail `{code}`: do not come back),
 * `news` (detail `{method, params}`).
 */
export class Socket extends EventTarget {
  /**
   * @param {string} url
   * @param {{WebSocket?: typeof WebSocket, random?: () => number, now?: () => number}} [parts] given by tests
   */
  constructor(url, parts = {}) {
    super();
    this.url = url;
    this.WebSocket = parts.WebSocket ?? globalThis.WebSocket;
    this.random = parts.random ?? Math.random;
    this.now = parts.now ?? (() => performance.now());
    /** @type {Map<number, Waiting>} */
    this.waiting = new Map();
    /** @type {WebSocket | null} */
    this.socket = null;
    this.isUp = false;
    this.isEnded = false;
    this.attempt = 0;
    this.lastId = 0;
    this.heardAt = 0;
    this.openedAt = -Infinity;
    /** When it will be tried again. */
    this.dueAt = Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** Kept wishes that have to wait for their turn. @type {Waiting[]} */
    this.queued = [];
    this.freeAt = -Infinity;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.flowing = undefined;
  }

  open() {
    if (this.isEnded || this.socket) return;
    clearTimeout(this.timer);
    this.openedAt = this.now();
    const socket = new this.WebSocket(this.url);
    this.socket = socket;
    this.heardAt = this.now();
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(event.code);
  }

  /** Stop for good; unanswered requests fail. */
  close() {
    this.isEnded = true;
    clearTimeout(this.timer);
    this.#drop(1000);
    this.#fail(() => true);
  }

  /** Try at once, or as soon as that is decent: the network came back, the page was shown, somebody pressed something. */
  hurry() {
    if (this.isEnded || this.socket) return;
    this.attempt = Math.min(this.attempt, 1);
    const restMs = this.openedAt + HURRY_MS - this.now();
    if (restMs <= 0) this.open();
    else if (this.now() + restMs < this.dueAt) this.#openIn(restMs);
  }

  /**
   * Ask; the promise holds over reconnects. With `keep: false` it is asked once, now or never.
   * @param {string} method @param {object} [params] @param {{keep?: boolean}} [how]
   * @returns {Promise<any>}
   */
  request(method, params = {}, { keep = true } = {}) {
    return new Promise((resolve, reject) => {
      if (this.isEnded || (!keep && !this.isUp)) return reject(new Away());
      const asked = this.now();
      const one = { id: ++this.lastId, method, params, keep, sentAt: -1, askedAt: asked, resolve, reject };
      this.waiting.set(one.id, one);
      if (!this.isUp) return;
      if (keep) this.#flow(one);
      else this.#send(one);
    });
  }

  /** Give up what waited too long; replace a socket that went silent. Called every second or so. */
  tick() {
    const now = this.now();
    this.#fail((one) => now - one.askedAt > STALE_MS);
    if (!this.socket) return;
    const oldest = [...this.waiting.values()].find((one) => one.sentAt >= 0);
    const unanswered = oldest && now - oldest.sentAt > SILENT_MS && now - this.heardAt > SILENT_MS;
    if (unanswered || (!this.isUp && now - this.heardAt > 2 * SILENT_MS)) this.#drop(4004);
  }

  /** Send what is kept in order, and no faster than the server lets a session speak. @param {...Waiting} more */
  #flow(...more) {
    clearTimeout(this.flowing);
    this.queued = [...this.queued, ...more].filter((one) => this.waiting.has(one.id));
    while (this.queued.length && this.#isFree()) this.#send(/** @type {Waiting} */ (this.queued.shift()));
    if (this.queued.length) this.flowing = setTimeout(() => this.#flow(), SPACING_MS);
  }

  /** Whether one more may go now; if so, it counts. */
  #isFree() {
    const now = this.now();
    const at = Math.max(this.freeAt, now - AT_ONCE * SPACING_MS);
    if (at >= now) return false;
    this.freeAt = at + SPACING_MS;
    return true;
  }

  /** @param {Waiting} one */
  #send(one) {
    one.sentAt = this.now();
    this.socket?.send(JSON.stringify({ jsonrpc: "2.0", id: one.id, method: one.method, params: one.params }));
  }

  /** @param {string} text */
  #hear(text) {
    this.heardAt = this.now();
    const message = JSON.parse(text);
    if (message.method === "session.hello") return this.#greeted(message.params);
    if (message.method) return this.#tell("news", message);
    const one = this.waiting.get(message.id);
    if (!one) return;
    this.waiting.delete(message.id);
    if (message.error) one.reject(new Refused(message.error));
    else one.resolve(message.result);
  }

  /** @param {object} hello */
  #greeted(hello) {
    this.isUp = true;
    this.attempt = 0;
    const before = [...this.waiting.values()];
    // Who hears of it may have to say something first: what really sounded, before wishes change it.
    this.#tell("up", hello);
    this.#flow(...before);
  }

  /** @param {number} code */
  #drop(code) {
    const socket = this.socket;
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    this.#lost(code);
  }

  /** @param {number} code */
  #lost(code) {
    const wasUp = this.isUp;
    this.socket = null;
    this.isUp = false;
    clearTimeout(this.flowing);
    this.queued = [];
    if (code === TOO_FAST) this.freeAt = this.now();
    this.#fail((one) => !one.keep);
    for (const one of this.waiting.values()) one.sentAt = -1;
    if (wasUp) this.#tell("down", { code });
    if (this.isEnded) return;
    if (!mayReturn(code)) {
      this.isEnded = true;
      this.#fail(() => true);
      return this.#tell("ended", { code });
    }
    this.#openIn(backOff(this.attempt++, this.random()));
  }

  /** @param {number} waitMs */
  #openIn(waitMs) {
    clearTimeout(this.timer);
    this.dueAt = this.now() + waitMs;
    this.timer = setTimeout(() => this.open(), waitMs);
  }

  /** @param {(one: Waiting) => boolean} which */
  #fail(which) {
    for (const one of [...this.waiting.values()].filter(which)) {
      this.waiting.delete(one.id);
      one.reject(new Away());
    }
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/**
 * What we know of each topic's version. `hear` says whether something was missed before this version.
 */
export class Versions {
  constructor() {
    /** @type {Map<string, number>} */
    this.known = new Map();
  }

  /** Start from a snapshot. @param {string} topic @param {number} version */
  set(topic, version) {
    this.known.set(topic, version);
  }

  /** @param {string} topic @param {number} version @returns {"new" | "gap" | "old"} */
  hear(topic, version) {
    const before = this.known.get(topic);
    if (before !== undefined && version < before) return "old";
    this.known.set(topic, version);
    return before !== undefined && version > before + 1 ? "gap" : "new";
  }

  /** Whether the server is further than we are. @param {string} topic @param {number} version */
  isBehind(topic, version) {
    return (this.known.get(topic) ?? -1) < version;
  }
}
