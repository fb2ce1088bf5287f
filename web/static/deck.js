// One audio element and the item it holds.

import { correction, middle, swiftCorrection } from "./timeline.js";

/**
 * Nobody hears it, but a browser takes it for sound. Without any, browsers let a song run on a clock of its own, and
 * when it becomes loud it jumps by 50 ms and more.
 */
export const WHISPER = 0.0002;

/** An element's position moves in steps of some milliseconds: the middle of so many readings is taken. */
const READINGS = 5;

/** @typedef {"playing" | "waiting" | "ended" | "error" | "blocked" | "held"} Happening  held: somebody else than we paused it */

export class Deck {
  /** @param {(what: Happening, deck: Deck) => void} tell */
  constructor(tell) {
    this.tell = tell;
    this.itemId = "";
    this.isWanted = false;
    /** Browser or system paused it: it does not sound again unasked. */
    this.isHeld = false;
    /** It has sounded since it was loaded or last paused by us. */
    this.hasBegun = false;
    this.loadedAt = 0;
    this.level = 0;
    this.seekedAt = 0;
    this.seekCost = 60;
    /** @type {number[]} the last errors against the clock that is followed, since the last seek */
    this.errors = [];
    /** @type {number | undefined} */
    this.fading = undefined;
    /** @type {number | null} a position to take as soon as the file's length is known */
    this.pending = null;
    const audio = (this.audio = new Audio());
    audio.preload = "auto";
    audio.preservesPitch = false;
    audio.addEventListener("loadedmetadata", () => this.#place());
    audio.addEventListener("playing", () => this.#begun());
    audio.addEventListener("waiting", () => this.tell("waiting", this));
    audio.addEventListener("pause", () => this.#stopped());
    audio.addEventListener("seeked", () => this.#sought());
    audio.addEventListener("ended", () => this.tell("ended", this));
    audio.addEventListener("error", () => audio.getAttribute("src") && this.itemId && this.tell("error", this));
  }

  /** @param {Item} item */
  load(item) {
    this.pending = null;
    this.errors = [];
    this.hasBegun = false;
    this.itemId = item.itemId;
    this.loadedAt = performance.now();
    this.audio.src = `/api/v1/songs/${item.songId}/stream`;
  }

  unload() {
    this.pause();
    this.isHeld = false;
    if (!this.itemId) return;
    this.itemId = "";
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  get positionMs() {
    return this.pending ?? this.audio.currentTime * 1000;
  }

  /** It moves: enough has been loaded and nobody holds it. */
  get isMoving() {
    return this.isWanted && !this.audio.paused && this.audio.readyState >= 3 && !this.audio.seeking;
  }

  /** Its file did not come, or broke off: nothing but loading it again helps. */
  get hasFailed() {
    return this.itemId !== "" && Boolean(this.audio.error);
  }

  /** @param {number} positionMs */
  seek(positionMs) {
    this.seekedAt = performance.now();
    this.errors = [];
    // From the end it begins anew.
    if (this.audio.ended) this.hasBegun = false;
    this.pending = Math.max(0, positionMs);
    this.#place();
  }

  /** Whether it has followed a clock for long enough to say how far off it is. */
  get isSteady() {
    return this.errors.length === READINGS;
  }

  /** How far ahead of the clock that is followed, in ms. */
  get errorMs() {
    return middle(this.errors);
  }

  /**
   * Follow a clock: by rate when near, by a seek when far. What the last seek cost teaches how far ahead the
   * next must aim.
   * @param {number} wantedMs @param {number} farMs @param {{isHeard?: boolean}} [how]
   */
  keepTime(wantedMs, farMs, { isHeard = true } = {}) {
    if (this.audio.seeking || this.audio.readyState < 3) return;
    const sinceSeek = performance.now() - this.seekedAt;
    // Right after a seek the position does not yet say what will sound.
    if (sinceSeek < 200) return;
    this.errors = [...this.errors, this.positionMs - wantedMs].slice(-READINGS);
    const error = this.errorMs;
    if (Math.abs(error) <= farMs || sinceSeek < 700 || !(this.isSteady || sinceSeek > 3000)) {
      this.audio.playbackRate = isHeard ? correction(error) : swiftCorrection(error);
      return;
    }
    if (sinceSeek < 3000) this.seekCost = Math.max(0, Math.min(600, this.seekCost - error));
    this.audio.playbackRate = 1;
    this.seek(wantedMs + this.seekCost);
  }

  /** What somebody else paused stays so until the music itself has rested, or `release`. */
  async play() {
    const wasWanted = this.isWanted;
    // A pause is here before its event.
    this.#stopped();
    if (this.isHeld && wasWanted) return;
    this.isHeld = false;
    this.isWanted = true;
    if (!this.audio.paused && !this.audio.ended) return;
    try {
      await this.audio.play();
    } catch (error) {
      // AbortError only says that another wish came first.
      if (this.isWanted && /** @type {Error} */ (error).name === "NotAllowedError") this.tell("blocked", this);
    }
  }

  pause() {
    this.isWanted = false;
    this.hasBegun = false;
    if (!this.audio.paused) this.audio.pause();
  }

  /** A person wants it to sound here. */
  release() {
    if (this.isHeld) this.hasBegun = false;
    this.isHeld = false;
  }

  /** Fade out, then forget the song; a fade that is under way already ends by itself. @param {number} overMs */
  leave(overMs) {
    if (!this.isWanted || this.level < 0.001) {
      if (!this.audio.paused && this.level < 0.001) this.unload();
      return;
    }
    this.fade(0, overMs);
    this.isWanted = false;
    setTimeout(() => !this.isWanted && this.unload(), overMs + 50);
  }

  /** An empty element played once in a gesture may be played by script later. */
  unlock() {
    if (!this.itemId) this.audio.play().catch(() => {});
  }

  /** Loudness 0..1, at once or over a while. @param {number} level @param {number} [overMs] */
  fade(level, overMs = 0) {
    clearInterval(this.fading);
    const [from, began] = [this.level, performance.now()];
    const step = () => {
      const part = overMs ? Math.min(1, (performance.now() - began) / overMs) : 1;
      // Equal power: two crossing fades sound as loud as one song.
      this.#set(from + (level - from) * Math.sin((part * Math.PI) / 2));
      if (part >= 1) clearInterval(this.fading);
    };
    step();
    if (overMs) this.fading = /** @type {any} */ (setInterval(step, 16));
  }

  /** @param {number} level */
  #set(level) {
    this.level = level;
    this.audio.volume = Math.max(0, Math.min(1, level));
    // Where volume cannot be set (iOS), silence still can.
    this.audio.muted = level < 0.001 && (level < WHISPER || this.audio.volume > 0.001);
  }

  /** It sounds, unless it was told otherwise meanwhile. What held it has let it go. */
  #begun() {
    this.hasBegun = !this.audio.paused;
    if (this.isWanted && this.hasBegun) this.isHeld = false;
    this.tell("playing", this);
  }

  /** Perhaps a pause that we did not ask for. At its end, and when it fails, an element rests by itself. */
  #stopped() {
    const { paused, ended, error, seeking } = this.audio;
    if (this.isHeld || !this.isWanted || !this.hasBegun || !paused || ended || error) return;
    this.isHeld = true;
    if (!seeking) this.tell("held", this);
  }

  /** A pause that was over with the seek was the browser's own way to seek. */
  #sought() {
    if (!this.isHeld || !this.isWanted) return;
    if (this.audio.paused) this.tell("held", this);
    else this.isHeld = false;
  }

  #place() {
    if (this.pending === null || this.audio.readyState < 1) return;
    const wanted = this.pending / 1000;
    this.pending = null;
    if (Math.abs(this.audio.currentTime - wanted) > 0.02) this.audio.currentTime = wanted;
  }
}
