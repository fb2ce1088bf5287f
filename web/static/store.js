// What this client knows: one picture of the player, fed by answers and news alike, through one function.

import { Clock } from "./clock.js";
import { Doubt } from "./outage.js";
import { QueueModel } from "./queue-model.js";
import { Away, Refused, Versions, newId } from "./socket.js";
import { positionAt, settled } from "./timeline.js";

const WINDOW = 200;
const STEERING = /^(player|queue|output)\.(?!get$)/;

/**
 * @typedef {{deviceId: string, name: string, kind: string, canPlay: boolean, isOnline: boolean, isOutput: boolean,
 *   delayMs: number, lastSeenAt: string | null}} Device
 * @typedef {{sessionId: string, deviceId: string | null, playerId?: string | null, serverTime: string | number, again?: boolean,
 *   rights?: import("./rights.js").Right[], user: {id: string, name: string, role: string}}} Hello
 */

/**
 * Events: `player`, `queue`, `devices`, `connection`, `upload` (detail: the news), `library`, `ended` (detail: code),
 * `notice` (detail: the Notice), `session`, `guests`.
 */
export class Store extends EventTarget {
  /** @param {import("./tabs.js").Line} line @param {Clock} clock */
  constructor(line, clock) {
    super();
    this.line = line;
    this.clock = clock;
    this.versions = new Versions();
    this.queue = new QueueModel();
    this.doubt = new Doubt((state) => this.accept(state));
    /** @type {Player | null} */
    this.player = null;
    /** @type {Device[]} */
    this.devices = [];
    /** @type {Hello | null} */
    this.hello = null;
    this.isUp = false;
    this.isSlow = false;
    this.noticedAt = "";
    this.isAsking = new Set();
    /** @type {Record<string, (params: any) => void>} */
    this.news = {
      "player.state": (params) => this.accept(params),
      "queue.changed": (params) => this.#changed(params),
      "queue.state": (params) => this.#window(params),
      "devices.changed": ({ devices }) => this.#set("devices", devices),
      "upload.progress": (params) => this.#tell("upload", params),
      "library.changed": (params) => this.#tell("library", params),
      "guests.changed": (params) => this.#tell("guests", params),
      "session.changed": (params) => this.#tell("session", params),
      "topic.changed": ({ topic, version }) => this.versions.isBehind(topic, version) && this.#behind(topic, version),
      "server.degraded": ({ parts }) => this.#set("isSlow", parts.length > 0),
    };
    line.addEventListener("up", (event) => this.#up(/** @type {CustomEvent} */ (event).detail));
    line.addEventListener("down", () => this.#down());
    // Said to all windows of this browser: only one of them sounds, all of them show it.
    line.addEventListener("doubt", () => this.doubt.open());
    line.addEventListener("pausedHere", () => this.#pauseHere());
    line.addEventListener("ended", (event) => this.#tell("ended", /** @type {CustomEvent} */ (event).detail.code));
    line.addEventListener("news", (event) => this.#hear(/** @type {CustomEvent} */ (event).detail));
  }

  /** The player as it must stand now. @returns {Player | null} */
  get now() {
    return this.player && settled(this.player, this.clock.now());
  }

  /**
   * A wish. Its answer is the newest state, taken in like news; a conflict brings the state too.
   * @param {string} method @param {Record<string, unknown>} [params]
   */
  async wish(method, params = {}) {
    const all = STEERING.test(method) ? { commandId: newId(), ...params } : params;
    try {
      const answer = await this.line.request(method, all);
      if (answer?.playerId && "anchoredAt" in answer) this.accept(answer);
      return answer;
    } catch (error) {
      const state = error instanceof Refused && /** @type {any} */ (error.data)?.player;
      if (state?.playerId) this.accept(state);
      throw error;
    }
  }

  /** What a pause will bring, shown before the server can say it. The server's own word replaces it. */
  pauseHere() {
    this.line.tell("pausedHere", null);
  }

  /**
   * We sound, and the server could not hear of it: say so, and until that was answered obey no guess that we do not.
   * @param {() => Promise<unknown>} say
   */
  async speakFirst(say) {
    this.line.tell("doubt", null);
    try {
      await say();
      this.accept(await this.line.request("player.get", {}, { keep: false }));
    } catch (error) {
      if (!(error instanceof Away) && !(error instanceof Refused)) throw error;
    }
    this.doubt.settle();
  }

  #pauseHere() {
    if (!this.player?.isPlaying) return;
    const now = this.clock.now();
    const view = settled(this.player, now);
    this.accept({ ...view, isPlaying: false, positionMs: Math.round(positionAt(view, now)), anchoredAt: new Date(now).toISOString() });
  }

  /** The one place where a player's state comes in; older ones change nothing. @param {Player} state */
  accept(state) {
    if (this.player && this.player.playerId === state.playerId && isOlder(state, this.player)) return;
    if (this.doubt.keeps(state)) return;
    const isOther = this.player?.playerId !== state.playerId;
    this.player = state;
    if (isOther) this.queue = new QueueModel();
    this.#tell("player", state);
    if (state.queueVersion > this.queue.version) this.#askSoon("queue");
    const { notice } = state;
    if (notice && notice.at !== this.noticedAt) {
      // What was told before we came is no news to us.
      if (this.noticedAt || Date.parse(notice.at) > this.clock.now() - 15_000) this.#tell("notice", notice);
      this.noticedAt = notice.at;
    }
    if (!notice) this.noticedAt ||= "none";
  }

  /** Ask for the queue between two places, if anything of it is unknown. @param {number} from @param {number} to */
  show(from, to) {
    const hole = this.queue.missing(from, to, WINDOW);
    if (hole) this.#ask("window", () => this.line.request("queue.get", hole).then((window) => this.#window(window)));
  }

  /** @param {{method: string, params: any}} message */
  #hear({ method, params }) {
    const { topic, version } = params ?? {};
    // The opening tells where the player's topic stands.
    if (method === "player.state" && !topic) this.versions.set(`player:${params.playerId}`, version);
    const heard = topic && version && method !== "topic.changed" ? this.versions.hear(topic, version) : "new";
    this.news[method]?.(params);
    if (heard === "gap") this.#missed(topic);
  }

  /** @param {string} topic @param {number} version */
  #behind(topic, version) {
    this.versions.set(topic, version);
    this.#missed(topic);
  }

  /** @param {string} topic */
  #missed(topic) {
    if (topic.startsWith("player:")) this.#askSoon("player", "queue", "devices");
    else this.#tell("library", {});
  }

  /** @param {Hello} hello */
  #up(hello) {
    this.hello = hello;
    this.versions = new Versions();
    this.clock.guess(typeof hello.serverTime === "number" ? hello.serverTime : Date.parse(hello.serverTime));
    this.#set("isUp", true);
    this.isSlow = false;
    // Another window of this browser was greeted before us: its opening has gone by.
    if (hello.again) this.#askSoon("player", "queue", "devices");
  }

  #down() {
    this.doubt.drop();
    this.#set("isUp", false);
  }

  /** @param {import("./queue-model.js").Changed} changed */
  #changed(changed) {
    const outcome = this.queue.apply(changed);
    if (outcome === "gap") this.#askSoon("queue");
    if (outcome === "done") this.#tell("queue", changed);
  }

  /** @param {import("./queue-model.js").Window} window */
  #window(window) {
    if (Array.isArray(window.changes)) return window.changes.forEach((one) => this.#changed(one));
    if (this.queue.take(window)) this.#tell("queue", null);
  }

  /** Several reasons in one moment ask once. @param {...("player" | "queue" | "devices")} what */
  #askSoon(...what) {
    for (const one of what) setTimeout(() => this.#refresh(one), 30);
  }

  /** @param {"player" | "queue" | "devices"} what */
  #refresh(what) {
    if (what === "player") this.#ask(what, () => this.line.request("player.get").then((state) => this.accept(state)));
    if (what === "devices") this.#ask(what, () => this.line.request("device.list").then(({ devices }) => this.#set("devices", devices)));
    if (what === "queue" && this.queue.version < (this.player?.queueVersion ?? 0)) {
      const since = this.queue.version < 0 ? {} : { since: this.queue.version };
      this.#ask(what, () => this.line.request("queue.get", since).then((window) => this.#window(window)));
    }
  }

  /** @param {string} what @param {() => Promise<unknown>} work */
  async #ask(what, work) {
    if (this.isAsking.has(what)) return;
    this.isAsking.add(what);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Away) && !(error instanceof Refused)) throw error;
    } finally {
      this.isAsking.delete(what);
    }
  }

  /** @param {"devices" | "isUp" | "isSlow"} name @param {any} value */
  #set(name, value) {
    /** @type {any} */ (this)[name] = value;
    this.#tell(name === "devices" ? "devices" : "connection", value);
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** A read that crossed a wish may show what time alone would have done, under the version of the wish. @param {Player} one @param {Player} other */
function isOlder(one, other) {
  return one.version < other.version || (one.version === other.version && one.updatedAt < other.updatedAt);
}
