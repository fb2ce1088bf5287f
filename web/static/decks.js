// Two audio elements: one in front, and one that holds the song that comes next. What is in front plays or rests as
// the player's state says, and is loaded again where that failed.

import { Deck } from "./deck.js";
import { FADE_MS } from "./handover.js";
import { courseOf, endsAt, instant, positionAt } from "./timeline.js";
import { Trouble } from "./trouble.js";

/** Closer than this to the wanted position, a seek would be heard more than the error. */
const CLOSE_MS = 150;
const PRELOAD_MS = 30_000;
const PRELOAD_AGAIN_MS = 5000;
const LONGEST_WAIT_MS = 15_000;

/**
 * @typedef {object} Parts
 * @property {import("./clock.js").Clock} clock
 * @property {(what: import("./deck.js").Happening, deck: Deck) => void} tell
 * @property {(state: "ready" | "error") => void} report  of the item in front
 * @property {() => boolean} isBlocked  whether the browser wants a tap first
 * @property {() => void} again  look at the player anew
 */

export class Decks {
  /** @param {Parts} parts */
  constructor({ clock, tell, report, isBlocked, again }) {
    this.clock = clock;
    this.report = report;
    this.isBlocked = isBlocked;
    this.again = again;
    this.front = new Deck(tell);
    this.spare = new Deck(tell);
    this.trouble = new Trouble({ again: () => this.#loadAgain(), broken: () => report("error") });
    this.isUnlocked = false;
    /** The course of the music that the deck in front follows. */
    this.applied = "";
    /** The item of which was said that it is here. */
    this.announced = "";
    /** @type {Item | null} what is to be in front */
    this.item = null;
  }

  /** Whether the song in front was found to be broken and does not sound. */
  get isBroken() {
    return this.front.hasFailed && this.trouble.isBroken(this.front.itemId);
  }

  /** While a finger touches the page, silent elements are won for later. */
  unlock() {
    if (this.isUnlocked) return;
    this.isUnlocked = true;
    for (const deck of [this.front, this.spare]) deck.unlock();
  }

  /** Our part changed: nothing of before was applied or said. */
  begin() {
    this.applied = "";
    this.announced = "";
    this.front.audio.playbackRate = 1;
  }

  /** A person wants it to sound here: what was refused or held is tried again. */
  release() {
    this.applied = "";
    this.front.release();
  }

  /** Nothing is to sound here. */
  leave() {
    this.applied = "";
    this.trouble.forget();
    this.front.leave(FADE_MS);
    this.spare.unload();
  }

  /** Nothing is to sound from here, because it does from elsewhere on this device. @param {{isOver: boolean}} how whether what sounds from here may end */
  giveWay({ isOver }) {
    if (isOver) this.front.unload();
    this.spare.unload();
  }

  /** Have the item in front; the spare deck may hold it already, or have tried in vain. @param {Item} item @param {boolean} isPlaying */
  hold(item, isPlaying) {
    this.item = item;
    if (this.front.itemId !== item.itemId) this.#change(item);
    if (!isPlaying) this.trouble.forget();
    else if (this.front.hasFailed) this.trouble.meet(item, this.front.audio.error?.code);
  }

  /** @param {Item} item */
  #change(item) {
    this.applied = "";
    if (this.spare.itemId !== item.itemId || this.spare.hasFailed) return this.front.load(item);
    [this.front, this.spare] = [this.spare, this.front];
    this.front.fade(this.spare.level);
    this.spare.unload();
  }

  #loadAgain() {
    if (!this.item || this.item.itemId !== this.front.itemId || !this.front.hasFailed) return;
    this.front.load(this.item);
    this.applied = "";
    this.again();
  }

  /** Play or rest as the state says; seek only when the state itself moved. @param {Player} view */
  drive(view) {
    const { front } = this;
    const now = this.clock.now();
    const waitMs = view.isPlaying ? instant(view.anchoredAt) - now : 0;
    if (waitMs > 0 && waitMs < LONGEST_WAIT_MS) return this.rest(view.positionMs, waitMs);
    if (courseOf(view) === this.applied) {
      if (view.isPlaying && !front.isWanted && !front.isHeld && !this.isBlocked()) front.play();
      return;
    }
    this.applied = courseOf(view);
    if (!view.isPlaying) return this.#pauseAt(view);
    const wanted = positionAt(view, now);
    const isFresh = wanted < 400 && front.positionMs < 400;
    if (!isFresh && Math.abs(front.positionMs - wanted) > CLOSE_MS) front.seek(wanted);
    front.play();
  }

  /** Hold the deck on the common time. @param {Player} view @param {number} farMs @param {{isHeard?: boolean, delayMs?: number}} [how] */
  keepTime(view, farMs, how) {
    if (!view.isPlaying) return this.#pauseAt(view);
    this.front.play();
    if (this.front.isHeld) return;
    this.front.keepTime(positionAt(view, this.clock.now() + (how?.delayMs ?? 0)), farMs, how);
  }

  /** Loaded and still until a start that lies ahead. @param {number} positionMs @param {number} waitMs */
  rest(positionMs, waitMs) {
    this.front.pause();
    if (Math.abs(this.front.positionMs - positionMs) > 20) this.front.seek(positionMs);
    this.announce();
    clearTimeout(this.waking);
    this.waking = setTimeout(() => this.again(), Math.min(waitMs, LONGEST_WAIT_MS));
  }

  /** Say once that the item is here. */
  announce() {
    const { front } = this;
    if (this.announced === front.itemId || front.audio.readyState < 3) return;
    this.announced = front.itemId;
    this.report("ready");
  }

  /** @param {Player} view */
  preload(view) {
    const { spare } = this;
    const end = endsAt(view);
    if (!view.next || end === null || !this.front.isMoving || end - this.clock.now() > PRELOAD_MS) return;
    const isInVain = spare.hasFailed && performance.now() - spare.loadedAt > PRELOAD_AGAIN_MS;
    if (spare.itemId !== view.next.itemId || isInVain) spare.load(view.next);
  }

  /** @param {Player} view */
  #pauseAt(view) {
    const sounded = this.front.isMoving;
    this.front.pause();
    if (Math.abs(this.front.positionMs - view.positionMs) > (sounded ? CLOSE_MS : 20)) this.front.seek(view.positionMs);
  }
}
