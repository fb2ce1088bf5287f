// Puts the parts together: line, store, sound, and the page around them.

import "./devices.js";
import "./player.js";
import "./queue.js";
import "./search.js";
import "./upload.js";
import { Clock } from "./clock.js";
import { Output } from "./output.js";
import { here, tellMediaSession } from "./here.js";
import { Measuring } from "./measuring.js";
import { navigate, wireNavigation } from "./navigation.js";
import { wireKeys } from "./keys.js";
import { wireRows } from "./rows.js";
import { Screen } from "./screen.js";
import { wireSheets } from "./sheets.js";
import { Away, Refused, Socket } from "./socket.js";
import { Store } from "./store.js";
import { Line } from "./tabs.js";
import { wireTheme } from "./theme-switch.js";
import { hasBegun } from "./timeline.js";
import { make, toast } from "./ui.js";

const REGISTER_AGAIN_MS = 10_000;
const NOTICES = {
  song_skipped: (/** @type {Notice} */ notice) => `“${notice.title ?? "A song"}” cannot be played and was skipped.`,
  device_not_ready: () => "That device was not ready in time. The music stays where it is.",
  output_lost: () => "The device that played went away, so the music stands still.",
  no_output: () => "No device started to play.",
};

class App {
  constructor() {
    this.clock = new Clock();
    this.line = new Line(() => new Socket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/socket`));
    this.store = new Store(this.line, this.clock);
    this.measuring = new Measuring(this.line, this.clock);
    this.output = new Output({ clock: this.clock, report: (report) => this.#report(report) });
    this.deviceId = localStorage.getItem("device");
    this.registeredFor = "";
    this.volumeAt = 0;
    this.isBlocked = false;
    this.isSigningOut = false;
    this.player = /** @type {import("./player.js").AudioPlayer} */ (document.querySelector("audio-player"));
    this.screen = new Screen(this.store, this.player);
    this.uploads = /** @type {import("./upload.js").UploadManager} */ (document.querySelector("upload-manager"));
  }

  start() {
    this.#wireStore();
    this.#wirePlayer();
    this.#wireQueues();
    const wish = this.wish.bind(this);
    wireSheets({ wish, undo: (text) => this.offerUndo(text), listen: () => this.#listenHere(), opened: () => this.#arrived() });
    wireKeys({ wish, toggle: () => this.toggle() });
    wireRows({
      wish,
      play: (params) => this.play(params),
      isCurrent: (songId) => this.store.now?.item?.songId === songId,
      toggle: () => this.toggle(),
      undo: (text) => this.offerUndo(text),
      added: (text) => this.offerUndo(text, hasBegun(this.store.now) ? {} : { Play: () => this.play() }),
      uploads: this.uploads,
    });
    document.addEventListener("suggestionSelect", (event) => this.#suggested(/** @type {CustomEvent} */ (event).detail.suggestion));
    wireNavigation(() => this.#arrived());
    this.line.addEventListener("lead", () => this.#follow());
    this.line.addEventListener("follow", () => this.#follow());
    this.line.addEventListener("device", (event) => {
      this.deviceId = /** @type {CustomEvent} */ (event).detail;
      this.#follow();
      this.screen.drawDevices();
    });
    this.line.addEventListener("blocked", (event) => this.#showBlocked(/** @type {CustomEvent} */ (event).detail));
    this.output.addEventListener("blocked", (event) => this.line.tell("blocked", /** @type {CustomEvent} */ (event).detail));
    this.output.addEventListener("handedOver", (event) => toast(`Playing here now. The change took ${/** @type {CustomEvent} */ (event).detail} ms.`));
    document.addEventListener("submit", ({ target }) => {
      if (/** @type {Element} */ (target).getAttribute("action") === "/logout") this.isSigningOut = true;
    });
    addEventListener("online", () => this.line.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.line.hurry());
    this.measuring.start(() => this.output.role === "party");
    this.line.start();
    this.#arrived();
    const draw = () => (this.screen.drawProgress(), requestAnimationFrame(draw));
    requestAnimationFrame(draw);
  }

  /**
   * A wish of the person at this device; what goes wrong is said in a sentence.
   * @param {string} method @param {Record<string, unknown>} [params]
   */
  async wish(method, params = {}) {
    try {
      return await this.store.wish(method, params);
    } catch (error) {
      if (error instanceof Refused) toast(error.message, { isBad: true });
      else if (error instanceof Away) toast("The server cannot be reached just now.", { isBad: true });
      else throw error;
      return null;
    }
  }

  /** Start the music; with no device that sounds it starts here. @param {Record<string, unknown>} [params] */
  play(params = {}) {
    const outputs = this.store.player?.outputs ?? [];
    const online = this.store.devices.filter((device) => device.isOnline).map((device) => device.deviceId);
    const isSomebodyThere = outputs.some((one) => online.includes(one.deviceId));
    return this.wish("player.play", isSomebodyThere || !this.deviceId ? params : { ...params, deviceId: this.deviceId });
  }

  /** Pause for everybody; with the server away at least here, and for the others when it is back. */
  pause() {
    if (!this.store.isUp) this.store.pauseHere();
    return this.wish("player.pause");
  }

  /** Play what rests, pause what plays; nothing without a song. */
  toggle() {
    const now = this.store.now;
    return now?.isPlaying ? this.pause() : now?.item && this.play();
  }

  #wireStore() {
    const { store } = this;
    store.addEventListener("player", () => {
      this.#follow();
      this.screen.draw();
      this.screen.drawDevices();
    });
    store.addEventListener("queue", () => this.screen.drawQueues());
    store.addEventListener("devices", () => this.screen.drawDevices());
    store.addEventListener("connection", () => this.#connection());
    store.addEventListener("upload", (event) => this.uploads.hear(/** @type {CustomEvent} */ (event).detail));
    store.addEventListener("notice", (event) => this.#notice(/** @type {CustomEvent<Notice>} */ (event).detail));
    for (const name of ["library", "guests", "session"]) store.addEventListener(name, () => navigate.refreshSoon());
    store.addEventListener("ended", (event) => this.#ended(/** @type {CustomEvent<number>} */ (event).detail));
    this.uploads.onUploadComplete = () => navigate.refreshSoon();
  }

  #wirePlayer() {
    const { player } = this;
    player.addEventListener("play", () => this.play());
    player.addEventListener("pause", () => this.pause());
    player.addEventListener("next", () => this.wish("player.next", { fromItemId: this.store.now?.item?.itemId }));
    player.addEventListener("previous", () => this.wish("player.previous", { fromItemId: this.store.now?.item?.itemId }));
    player.addEventListener("seek", (event) => this.wish("player.seek", /** @type {CustomEvent} */ (event).detail));
    player.addEventListener("shuffle", (event) => this.wish("player.change", /** @type {CustomEvent} */ (event).detail));
    player.addEventListener("repeat", (event) => this.wish("player.change", /** @type {CustomEvent} */ (event).detail));
    player.addEventListener("volumeChange", (event) => this.#volume(/** @type {CustomEvent} */ (event).detail));
    tellMediaSession({
      play: () => this.play(),
      pause: () => this.pause(),
      next: () => this.wish("player.next", { fromItemId: this.store.now?.item?.itemId }),
      previous: () => this.wish("player.previous", { fromItemId: this.store.now?.item?.itemId }),
      seek: (positionMs) => this.wish("player.seek", { positionMs: Math.round(positionMs) }),
    });
  }

  /** A slider turns faster than commands may be sent: the last place always arrives. @param {{volume: number, muted: boolean}} wanted */
  #volume(wanted) {
    const wait = this.volumeAt + 60 - performance.now();
    clearTimeout(this.volumeTimer);
    if (wait > 0) this.volumeTimer = setTimeout(() => this.#volume(wanted), wait);
    else {
      this.volumeAt = performance.now();
      this.wish("player.change", wanted);
    }
  }

  #wireQueues() {
    for (const [name, wish] of /** @type {const} */ ([["jump", "player.play"], ["move", "queue.edit"], ["remove", "queue.edit"]])) {
      document.addEventListener(name, (event) => this.#queueWish(name, wish, /** @type {CustomEvent} */ (event)), true);
    }
    document.addEventListener("show", (event) => {
      const { from, to } = /** @type {CustomEvent} */ (event).detail ?? {};
      if (/** @type {Element} */ (event.target).matches?.("play-queue")) this.store.show(from, to);
    }, true);
  }

  /** @param {"jump" | "move" | "remove"} name @param {string} method @param {CustomEvent} event */
  async #queueWish(name, method, { detail, target }) {
    if (!(/** @type {Element} */ (target).matches?.("play-queue"))) return;
    if (name === "jump") return this.play({ itemId: detail.itemId });
    const operation = name === "move" ? { op: "move", itemId: detail.itemId, to: detail.to } : { op: "remove", itemIds: [detail.itemId] };
    const done = await this.wish(method, { operations: [operation] });
    if (done && name === "remove") this.offerUndo(`“${detail.title}” was removed.`);
  }

  /** A song is played, anything else is shown. @param {import("./search.js").Suggestion} suggestion */
  #suggested({ type, id }) {
    if (type === "song") this.play({ songId: id, source: "search" });
    else navigate.to(`/${type}s/${id}`);
  }

  /** Undo takes back the newest change, so only the newest may offer it. @param {string} text @param {Record<string, () => unknown>} [before] */
  offerUndo(text, before = {}) {
    toast(text, { actions: { ...before, Undo: () => this.wish("queue.undo") }, forMs: 8000, about: "queue" });
  }

  /** @param {import("./output.js").Report} report */
  #report(report) {
    this.line.request("device.report", report, { keep: false }).then(
      (answer) => answer?.playerId && "anchoredAt" in answer && this.store.accept(answer),
      () => {},
    );
  }

  #connection() {
    const { isUp, isSlow } = this.store;
    clearTimeout(this.offlineTimer);
    const banner = document.getElementById("offline");
    const text = isUp ? "A part of the server is away. Changes may take a moment." : "Reconnecting…";
    const say = () => {
      if (!banner) return;
      banner.hidden = isUp && !isSlow;
      const words = banner.querySelector("span");
      if (words) words.textContent = text;
    };
    // A blink that heals by itself is nobody's business.
    if (isUp) say();
    else this.offlineTimer = setTimeout(say, 800);
    document.body.classList.toggle("is-offline", !isUp);
    if (isUp) this.measuring.well();
    if (isUp) this.#register();
    else this.registeredFor = "";
  }

  /** Tell the server who we are; only the window that leads does. */
  async #register() {
    if (!this.line.isLeading || this.registeredFor) return;
    this.registeredFor = "asked";
    try {
      this.deviceId ||= this.store.hello?.deviceId ?? null;
      const known = this.deviceId ? { deviceId: this.deviceId } : {};
      const device = await this.line.request("device.register", { ...here(), ...known });
      this.deviceId = device.deviceId;
      localStorage.setItem("device", device.deviceId);
      this.line.tell("device", device.deviceId);
    } catch (error) {
      this.registeredFor = "";
      if (error instanceof Refused && error.status === 404) localStorage.removeItem("device"), (this.deviceId = null);
      if (error instanceof Refused && error.status !== 403) setTimeout(() => this.#register(), REGISTER_AGAIN_MS);
    }
  }

  #follow() {
    this.output.follow(this.line.isLeading ? this.store.player : null, this.deviceId);
    this.screen.deviceId = this.deviceId;
    this.screen.isOutput = this.output.role !== "silent";
    if (this.line.isLeading && this.store.isUp) this.#register();
  }

  /** @param {boolean} isBlocked */
  #showBlocked(isBlocked) {
    this.isBlocked = isBlocked;
    const known = document.getElementById("listen");
    if (!isBlocked) return known?.remove();
    if (known) return;
    const button = make("button", { class: "btn btn-primary", type: "button", "data-act": "listen" }, "Tap to listen here");
    document.body.append(make("div", { class: "listen", id: "listen", role: "alert" }, make("span", { class: "grow" }, "Your browser wants a tap before it plays."), button));
  }

  #listenHere() {
    if (this.line.isLeading) this.output.unlock();
    else this.line.take();
    this.#showBlocked(false);
  }

  /** @param {Notice} notice */
  #notice(notice) {
    toast(NOTICES[notice.code]?.(notice) ?? notice.code, { isBad: notice.code !== "song_skipped" });
  }

  /** The server closed the door for good. @param {number} code */
  #ended(code) {
    this.output.follow(null, null);
    // Who signs out himself is on his way to a page of his own.
    if (this.isSigningOut) return;
    const done = document.body.dataset.role === "guest" ? "visit" : "ended";
    if (code === 4500 || code === 4502 || code === 4503) location.assign(`/login?done=${done}&next=${encodeURIComponent(location.pathname + location.search)}`);
    else toast(code === 4504 ? "Too many windows of Tutti are open. Close some and reload this one." : "This page is out of date. Please reload it.", { isBad: true, forMs: 60_000 });
  }

  /** A page came in: fill what is ours on it. */
  #arrived() {
    this.screen.draw();
    this.screen.drawQueues();
    this.screen.drawDevices();
  }
}

wireTheme();
if (document.querySelector("audio-player")) {
  const app = new App();
  app.start();
  // For tests and for who is curious in the console.
  Object.assign(globalThis, { tutti: app });
}
