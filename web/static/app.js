// Puts the parts together: line, store, sound, and the page around them.

import "./devices.js";
import "./player.js";
import "./queue.js";
import "./search.js";
import "./upload.js";
import { Clock } from "./clock.js";
import { Output } from "./output.js";
import { tellMediaSession } from "./here.js";
import { Introduction } from "./introduction.js";
import { Measuring } from "./measuring.js";
import { navigate, wireNavigation } from "./navigation.js";
import { wireKeys } from "./keys.js";
import { tellBlocked, tellConnection, tellEnd, tellNotice } from "./notices.js";
import { isGuess, isSomebodyThere } from "./outage.js";
import { Presses, Turning } from "./presses.js";
import { Rights } from "./rights.js";
import { wireRows } from "./rows.js";
import { Screen } from "./screen.js";
import { wireSheets } from "./sheets.js";
import { Away, Refused, Socket } from "./socket.js";
import { Store } from "./store.js";
import { Line } from "./tabs.js";
import { wireTheme } from "./theme-switch.js";
import { hasBegun, positionAt } from "./timeline.js";
import { toast } from "./ui.js";

class App {
  constructor() {
    this.clock = new Clock();
    this.line = new Line(() => new Socket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/socket`));
    this.store = new Store(this.line, this.clock);
    this.measuring = new Measuring(this.line, this.clock);
    this.output = new Output({ clock: this.clock, report: (report) => this.store.reports.send(report) });
    this.introduction = new Introduction(this.line);
    this.presses = new Presses();
    this.loudness = new Turning((wanted) => this.wish("player.change", wanted));
    this.place = new Turning((wanted) => this.wish("player.seek", wanted));
    this.isGoingBack = false;
    this.isSigningOut = false;
    this.wasAway = false;
    this.player = /** @type {import("./player.js").AudioPlayer} */ (document.querySelector("audio-player"));
    this.rights = new Rights({ role: document.body.dataset.role });
    this.screen = new Screen(this.store, this.player, this.rights);
    this.uploads = /** @type {import("./upload.js").UploadManager} */ (document.querySelector("upload-manager"));
  }

  /** What the server calls this device. */
  get deviceId() {
    return this.introduction.deviceId;
  }

  start() {
    this.rights.start();
    this.#wireStore();
    this.#wirePlayer();
    this.#wireQueues();
    const wish = this.wish.bind(this);
    wireSheets({ wish, undo: (text) => this.offerUndo(text), listen: () => this.#listenHere(), opened: () => this.#arrived() });
    wireKeys({ wish, toggle: () => this.toggle() });
    wireRows({
      wish,
      may: (right) => this.rights.may(right),
      play: (params) => this.play(params),
      isCurrent: (songId) => this.store.now?.item?.songId === songId,
      toggle: () => this.toggle(),
      undo: (text) => this.offerUndo(text),
      added: (text) => this.offerUndo(text, hasBegun(this.store.now) || !this.rights.may("control") ? {} : { Play: () => this.play() }),
      uploads: this.uploads,
    });
    document.addEventListener("suggestionSelect", (event) => this.#suggested(/** @type {CustomEvent} */ (event).detail.suggestion));
    wireNavigation(() => this.#arrived());
    this.line.standing = () => this.#standing();
    this.line.addEventListener("lead", () => this.#lead());
    this.line.addEventListener("follow", () => this.#follow());
    this.line.addEventListener("device", (event) => {
      this.introduction.deviceId = /** @type {CustomEvent} */ (event).detail;
      this.#follow();
      this.screen.drawDevices();
    });
    const { permission } = this.output;
    this.line.addEventListener("blocked", (event) => tellBlocked(/** @type {CustomEvent} */ (event).detail));
    permission.addEventListener("blocked", (event) => this.line.isLeading && this.line.tell("blocked", /** @type {CustomEvent} */ (event).detail));
    permission.addEventListener("tapped", () => this.wish("player.transfer", { deviceId: this.deviceId }));
    this.output.addEventListener("held", () => this.pause());
    this.output.addEventListener("goOn", () => this.#goOn());
    this.output.addEventListener("handedOver", (event) => toast(`Playing here now. The change took ${/** @type {CustomEvent} */ (event).detail} ms.`));
    document.addEventListener("submit", ({ target }) => {
      if (/** @type {Element} */ (target).getAttribute("action") === "/logout") this.isSigningOut = true;
    });
    addEventListener("online", () => this.line.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.line.hurry());
    this.measuring.start(() => this.output.role === "party");
    tellConnection(this.store);
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
    if (!this.rights.allows(method, params)) return null;
    if (!this.store.isUp) this.line.hurry();
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
    const { player, devices } = this.store;
    const isThere = player !== null && isSomebodyThere(player, devices);
    const where = isThere || !this.deviceId ? params : { ...params, deviceId: this.deviceId };
    return this.presses.ask(true, () => this.wish("player.play", where));
  }

  /** Pause for everybody; with the server away at least here, and for the others when it is back. */
  pause() {
    if (!this.store.isUp && this.rights.may("control")) this.store.pauseHere();
    return this.presses.ask(false, () => this.wish("player.pause"));
  }

  /** Play what rests, pause what plays; nothing without a song. */
  toggle() {
    const now = this.store.now;
    return this.presses.expected(now?.isPlaying) ? this.pause() : now?.item && this.play();
  }

  next() {
    return this.wish("player.next", this.#seen());
  }

  /** Back. Who presses again before the first press was answered means the song before. */
  async previous() {
    const seen = this.isGoingBack ? { ...this.#seen(), fromPositionMs: 0 } : this.#seen();
    this.isGoingBack = true;
    await this.wish("player.previous", seen).finally(() => (this.isGoingBack = false));
  }

  /** What this person sees: so two thumbs on two phones are one wish. */
  #seen() {
    const { now, clock } = this.store;
    return now?.item ? { fromItemId: now.item.itemId, fromPositionMs: Math.round(positionAt(now, clock.now())) } : {};
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
    store.addEventListener("speak", () => this.#speak());
    store.addEventListener("upload", (event) => this.uploads.hear(/** @type {CustomEvent} */ (event).detail));
    store.addEventListener("notice", (event) => tellNotice(/** @type {CustomEvent<Notice>} */ (event).detail));
    for (const name of ["library", "guests", "session"]) store.addEventListener(name, () => navigate.refreshSoon());
    store.addEventListener("ended", (event) => this.#ended(/** @type {CustomEvent<number>} */ (event).detail));
    this.uploads.onUploadComplete = () => navigate.refreshSoon();
  }

  #wirePlayer() {
    const { player } = this;
    player.addEventListener("play", () => (this.presses.meant(true) ? this.play() : this.pause()));
    player.addEventListener("pause", () => (this.presses.meant(false) ? this.play() : this.pause()));
    player.addEventListener("next", () => this.next());
    player.addEventListener("previous", () => this.previous());
    player.addEventListener("seek", (event) => this.place.to(/** @type {CustomEvent} */ (event).detail));
    player.addEventListener("shuffle", (event) => this.#change(/** @type {CustomEvent} */ (event).detail));
    player.addEventListener("repeat", (event) => this.#change(/** @type {CustomEvent} */ (event).detail));
    player.addEventListener("volumeChange", (event) => this.#turn(/** @type {CustomEvent} */ (event).detail));
    tellMediaSession({
      play: () => this.play(),
      pause: () => this.pause(),
      next: () => this.next(),
      previous: () => this.previous(),
      seek: (positionMs) => this.place.to({ positionMs: Math.round(positionMs) }),
    });
  }

  /** @param {{isShuffled: boolean} | {repeatMode: RepeatMode}} wanted */
  #change(wanted) {
    return this.store.foresee(wanted, () => this.wish("player.change", wanted));
  }

  /** Louder or softer for everybody; with the server away at least here. @param {{volume: number, muted: boolean}} wanted */
  #turn(wanted) {
    if (!this.store.isUp && this.rights.may("volume")) this.store.changeHere(wanted);
    return this.store.foresee(wanted, () => this.loudness.to(wanted));
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

  /** A song is played, or added by who may not do more; anything else is shown. @param {import("./search.js").Suggestion} suggestion */
  async #suggested({ type, id, title }) {
    if (type === "song" && this.rights.may("control")) this.play({ songId: id, source: "search" });
    else if (type === "song") (await this.wish("queue.add", { songIds: [id], at: "end", source: "search" })) && this.offerUndo(`“${title}” is in the queue.`);
    else navigate.to(`/${type}s/${id}`);
  }

  /** Undo takes back the newest change, so only the newest may offer it. @param {string} text @param {Record<string, () => unknown>} [before] */
  offerUndo(text, before = {}) {
    toast(text, { actions: { ...before, Undo: () => this.wish("queue.undo") }, forMs: 8000, about: "queue" });
  }

  #connection() {
    const { store, output } = this;
    tellConnection(store);
    if (!store.isUp) {
      this.wasAway = true;
      return this.introduction.forget();
    }
    // What changed in the library meanwhile was told to nobody here.
    if (this.wasAway) navigate.refreshSoon();
    this.wasAway = false;
    this.rights.take(store.hello?.rights);
    this.screen.draw();
    this.screen.drawDevices();
    this.measuring.well();
    const isNew = !this.introduction.isMade;
    if (isNew && this.line.isLeading && output.isHeard) store.reports.speakFirst(() => output.report("playing"));
    this.#introduce();
  }

  /** The server may believe that nothing sounds here: it is told, before that is obeyed. */
  #speak() {
    if (!this.line.isLeading) return;
    if (this.output.isHeard) this.output.report("playing");
    else this.store.reports.trust();
  }

  #introduce() {
    this.introduction.make(this.store.hello?.deviceId);
  }

  #follow() {
    this.output.follow(this.line.isLeading ? this.store.sounding : null, this.deviceId);
    this.screen.deviceId = this.deviceId;
    this.screen.isOutput = this.output.role !== "silent";
    if (this.line.isLeading && this.store.isUp) this.#introduce();
  }

  /** This window sounds from now on: whether a tap is wanted is not what the window before said. */
  #lead() {
    this.line.tell("blocked", this.output.permission.isBlocked);
    this.#follow();
  }

  /** What of the sound other windows of this browser cannot know by themselves. */
  #standing() {
    /** @type {[string, unknown][]} */
    const told = [["blocked", this.output.permission.isBlocked]];
    if (this.store.reports.doubt.isOpen) told.push(["doubt", null]);
    return told;
  }

  #listenHere() {
    if (this.line.isLeading) this.output.permission.listen();
    else {
      this.line.take();
      if (this.store.player && isGuess(this.store.player)) this.#goOn();
    }
    tellBlocked(false);
  }

  /** Not as a press on the button: who pressed that as well means the same. */
  #goOn() {
    return this.wish("player.play", { deviceId: this.deviceId });
  }

  /** @param {number} code */
  #ended(code) {
    this.output.follow(null, null);
    // Who signs out himself is on his way to a page of his own.
    if (!this.isSigningOut) tellEnd(code);
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
