// What this client knows: one picture of the player, fed by answers and news alike, through one function.

import { Asking } from "./asking.js";
import { Clock } from "./clock.js";
import { Reports } from "./outage.js";
import { QueueModel } from "./queue-model.js";
import { Refused, Versions, newId } from "./socket.js";
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
 * `notice` (detail: the Notice), `session`, `guests`, `speak` (who sounds says so now: the server may believe that he does not).
 */
export class Store extends EventTarget {
  /** @param {import("./tabs.js").Line} line @param {Clock} clock */
  constructor(line, clock) {
    super();
    this.line = line;
    this.clock = clock;
    this.versions = new Versions();
    this.queue = new QueueModel();
    this.reports = new Reports({ line, accept: (state) => this.accept(state), speak: () => this.#tell("speak", null) });
    this.asking = new Asking({ isUp: () => this.isUp });
    /** @type {Player | null} */
    this.player = null;
    /** @type {Device[]} */
    this.devices = [];
    /** @type {Hello | null} */
    this.hello = null;
    /** What was wished and is not answered yet, the newest last. @type {Partial<Player>[]} */
    this.foreseen = [];
    this.isUp = false;
    this.isSlow = false;
    this.noticedAt = "";
    /** The version of the news that told the devices last. */
    this.devicesAt = 0;
    /** @type {Record<string, (params: any) => void>} */
    this.news = {
      "player.state": (params) => this.accept(params),
      "queue.changed": (params) => this.#changed(params),
      "queue.state": (params) => this.#window(params),
      "devices.changed": (params) => this.#devices(params),
      "upload.progress": (params) => this.#tell("upload", params),
      "library.changed": (params) => this.#tell("library", params),
      "guests.changed": (params) => this.#tell("guests", params),
      "session.changed": (params) => this.#tell("session", params),
      "topic.changed": ({ topic, version }) => this.versions.isBehind(topic, version) && this.#behind(topic, version),
      "server.degraded": ({ parts }) => this.#degraded(parts),
    };
    line.addEventListener("up", (event) => this.#up(/** @type {CustomEvent} */ (event).detail));
    line.addEventListener("down", () => this.#set("isUp", false));
    // Said to all windows of this browser: only one of them sounds, all of them show it.
    line.addEventListener("pausedHere", () => this.#pauseHere());
    line.addEventListener("changedHere", (event) => this.player && this.accept({ ...this.player, .../** @type {CustomEvent} */ (event).detail }));
    line.addEventListener("ended", (event) => this.#tell("ended", /** @type {CustomEvent} */ (event).detail.code));
    line.addEventListener("news", (event) => this.#hear(/** @type {CustomEvent} */ (event).detail));
  }

  /** The player as it must stand now, as far as it was wished also before that is answered. @returns {Player | null} */
  get now() {
    const wished = this.player && Object.assign({ ...this.player }, ...this.foreseen);
    return wished && settled(wished, this.clock.now());
  }

  /** The player as this device has to sound it: how loud, it need not be told. @returns {Player | null} */
  get sounding() {
    const { player, now } = this;
    return player && now && { ...player, volume: now.volume, muted: now.muted };
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

  /**
   * Show a wish as if it were so until it is answered: the next press starts from what the last one asked for.
   * @template T @param {Partial<Player>} change @param {() => Promise<T>} wish @returns {Promise<T>}
   */
  async foresee(change, wish) {
    const mine = { ...change };
    this.foreseen.push(mine);
    this.#tell("player", this.player);
    try {
      return await wish();
    } finally {
      this.foreseen = this.foreseen.filter((one) => one !== mine);
      this.#tell("player", this.player);
    }
  }

  /** With the server away it is so at least in the windows of this browser. The server's own word replaces it. @param {Partial<Player>} change */
  changeHere(change) {
    this.line.tell("changedHere", change);
  }

  /** What a pause will bring, shown before the server can say it. The server's own word replaces it. */
  pauseHere() {
    this.line.tell("pausedHere", null);
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
    if (this.reports.doubt.keeps(state)) return;
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
    this.asking.ask("window", () => {
      const hole = this.queue.missing(from, to, WINDOW);
      return hole && this.line.request("queue.get", hole).then((window) => this.#window(window));
    });
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
    this.devicesAt = 0;
    // Of a part that is away this server tells by itself; what the last one said must not be shown any more.
    this.isSlow = false;
    this.#set("isUp", true);
    // Another window of this browser was greeted before us: its opening has gone by.
    if (hello.again) this.#askSoon("player", "queue", "devices");
  }

  /** @param {string[]} parts */
  #degraded(parts) {
    this.#set("isSlow", parts.length > 0);
    if (!parts.length && this.reports.doubt.isOpen) this.#tell("speak", null);
  }

  /** The whole list, as it was told or answered; an answer may be older than what was told meanwhile. @param {{devices: Device[], version?: number}} told */
  #devices({ devices, version = this.devicesAt }) {
    if (version < this.devicesAt) return;
    this.devicesAt = version;
    this.#set("devices", devices);
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

  /** @param {...("player" | "queue" | "devices")} what */
  #askSoon(...what) {
    for (const one of what) this.asking.soon(one, () => this.#question(one));
  }

  /** @param {"player" | "queue" | "devices"} what */
  #question(what) {
    if (what === "player") return this.line.request("player.get").then((state) => this.accept(state));
    if (what === "devices") return this.line.request("device.list").then((list) => this.#devices(list));
    return this.#askQueue();
  }

  /** Nothing when it is known as it stands. */
  #askQueue() {
    const { version } = this.queue;
    if (version >= (this.player?.queueVersion ?? 0)) return null;
    return this.line.request("queue.get", version < 0 ? {} : { since: version }).then((window) => this.#window(window));
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
