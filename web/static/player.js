// <audio-player>: the bar and the stage that opens from it. It shows what it is given and says what was pressed;
// it knows neither socket nor sound.
// Properties song, isPlaying, progress (0..1), volume (0..1), queue. Events play, pause, seek {positionMs},
// volumeChange {volume, muted}, next, previous, shuffle {isShuffled}, repeat {repeatMode}; each once per press.

import { colour, duration, fill, fillCover, sayAbove, swapIcon } from "./ui.js";

/** How far one key goes within a song, in milliseconds. */
const STEPS = { ArrowRight: 5000, ArrowUp: 5000, ArrowLeft: -5000, ArrowDown: -5000, PageUp: 30_000, PageDown: -30_000 };
/** A place that was sought is shown until it is so, but no longer than this. */
const SOUGHT_MS = 2000;
const NEAR_MS = 1500;

const REPEATS = /** @type {const} */ ({ none: "all", all: "one", one: "none" });
/** Native events of the same names from inside must not be taken for ours. */
const OURS = ["play", "pause", "seek", "next", "previous", "shuffle", "repeat", "volumeChange"];

export class AudioPlayer extends HTMLElement {
  #song = /** @type {Item | null} */ (null);
  #isPlaying = false;
  #progress = 0;
  #volume = 1;
  #muted = false;
  #isShuffled = false;
  #repeatMode = /** @type {RepeatMode} */ ("none");
  #isSeeking = false;
  #isTurning = false;
  #soughtAt = -Infinity;
  /** @type {unknown} */
  queue = null;

  connectedCallback() {
    for (const name of OURS) this.addEventListener(name, (event) => event.target !== this && event.stopPropagation(), true);
    this.addEventListener("click", (event) => this.#click(event));
    for (const input of this.#inputs("seek")) {
      input.addEventListener("input", () => this.#drag(input));
      input.addEventListener("change", () => this.#seek(Number(input.value) / 1000));
      input.addEventListener("keydown", (event) => this.#step(event));
    }
    for (const input of this.#inputs("volume")) {
      input.addEventListener("input", () => this.#turn(Number(input.value) / 100));
      input.addEventListener("change", () => (this.#isTurning = false));
    }
    this.#swipe();
    this.#draw();
  }

  get song() {
    return this.#song;
  }
  set song(song) {
    const changed = song?.itemId !== this.#song?.itemId;
    this.#song = song;
    if (changed) [this.#isSeeking, this.#soughtAt] = [false, -Infinity];
    this.#draw();
  }

  get isPlaying() {
    return this.#isPlaying;
  }
  set isPlaying(isPlaying) {
    if (isPlaying === this.#isPlaying) return;
    this.#isPlaying = isPlaying;
    this.#draw();
  }

  get progress() {
    return this.#progress;
  }
  set progress(progress) {
    if (this.#isSought(progress)) return;
    this.#progress = progress;
    if (!this.#isSeeking) this.#drawTime(progress);
  }

  get volume() {
    return this.#volume;
  }
  set volume(volume) {
    this.#volume = volume;
    this.#drawVolume();
  }

  get muted() {
    return this.#muted;
  }
  set muted(muted) {
    this.#muted = muted;
    this.#drawVolume();
  }

  /** @param {{isShuffled: boolean, repeatMode: RepeatMode, where: string}} modes */
  set modes({ isShuffled, repeatMode, where }) {
    [this.#isShuffled, this.#repeatMode] = [isShuffled, repeatMode];
    for (const button of this.#all('[data-do="shuffle"]')) button.setAttribute("aria-pressed", String(isShuffled));
    for (const button of this.#all('[data-do="repeat"]')) {
      button.setAttribute("aria-pressed", String(repeatMode !== "none"));
      swapIcon(button, repeatMode === "one" ? "repeat-one" : "repeat");
    }
    for (const place of this.#all('[data-part="where"]')) place.textContent = where;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-do]"));
    switch (button?.dataset.do) {
      case "toggle":
        return this.#say(this.#isPlaying ? "pause" : "play");
      case "next":
        return this.#say("next");
      case "previous":
        return this.#say("previous");
      case "shuffle":
        return this.#say("shuffle", { isShuffled: !this.#isShuffled });
      case "repeat":
        return this.#say("repeat", { repeatMode: REPEATS[this.#repeatMode] });
      case "mute":
        return this.#say("volumeChange", { volume: this.#volume, muted: !this.#muted });
      case "open":
        return this.#open();
      case "close":
        return this.#stage.close();
    }
  }

  #open() {
    if (!this.#song || this.#stage.open) return;
    this.#stage.showModal();
    sayAbove();
  }

  /** @param {string} name @param {object} [detail] */
  #say(name, detail = {}) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {HTMLInputElement} input */
  #drag(input) {
    this.#isSeeking = true;
    this.#drawTime(Number(input.value) / 1000);
  }

  /** Keys on the slider go by seconds, however long the song is. @param {KeyboardEvent} event */
  #step(event) {
    const length = this.#song?.durationMs;
    const by = STEPS[/** @type {keyof STEPS} */ (event.key)];
    if (!by || !length || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.#seek(Math.max(0, Math.min(1, this.#progress + by / length)));
  }

  /** @param {number} progress */
  #seek(progress) {
    this.#isSeeking = false;
    this.#progress = progress;
    this.#soughtAt = performance.now();
    this.#drawTime(progress);
    this.#say("seek", { positionMs: Math.round(progress * (this.#song?.durationMs ?? 0)) });
  }

  /** What is given now is older than what was sought: the next step starts from there. @param {number} given */
  #isSought(given) {
    const farMs = Math.abs(given - this.#progress) * (this.#song?.durationMs ?? 0);
    if (farMs < NEAR_MS || performance.now() - this.#soughtAt > SOUGHT_MS) this.#soughtAt = -Infinity;
    return this.#soughtAt > 0;
  }

  /** @param {number} volume */
  #turn(volume) {
    this.#isTurning = true;
    this.#volume = volume;
    this.#muted = false;
    this.#drawVolume();
    this.#say("volumeChange", { volume, muted: false });
  }

  #draw() {
    const bar = /** @type {HTMLElement | null} */ (this.querySelector(".bar"));
    if (!bar) return;
    const song = this.#song;
    bar.hidden = !song;
    document.body.classList.toggle("has-bar", Boolean(song));
    if (!song && this.#stage.open) this.#stage.close();
    for (const button of this.#all('[data-do="toggle"]')) {
      swapIcon(button, this.#isPlaying ? "pause" : "play");
      button.setAttribute("aria-label", (this.#isPlaying ? button.dataset.labelPause : button.dataset.labelPlay) ?? "");
    }
    this.#stage.classList.toggle("is-playing", this.#isPlaying);
    if (!song) return;
    for (const place of this.#all('[data-part="title"]')) place.textContent = song.title;
    for (const place of this.#all('[data-part="artist"]')) place.textContent = song.artist || "Unknown artist";
    for (const place of this.#all('[data-part="cover"]')) fillCover(place, song.title, song.coverUrl);
    colour(this.#stage, song.title);
    for (const input of this.#inputs("seek")) input.disabled = !song.durationMs || input.hasAttribute("data-refused");
    this.#drawTime(this.#progress);
  }

  /** @param {number} progress */
  #drawTime(progress) {
    const length = this.#song?.durationMs ?? 0;
    const elapsed = duration(progress * length);
    for (const place of this.#all('[data-part="elapsed"]')) if (place.textContent !== elapsed) place.textContent = elapsed;
    const total = length ? duration(length) : "–";
    for (const place of this.#all('[data-part="total"]')) if (place.textContent !== total) place.textContent = total;
    const value = String(Math.round(progress * 1000));
    for (const input of this.#inputs("seek")) {
      if (input.value !== value) input.value = value;
      input.setAttribute("aria-valuetext", `${elapsed} / ${total}`);
      fill(input);
    }
    /** @type {HTMLElement | null} */ (this.querySelector(".bar-line"))?.style.setProperty("--progress", String(progress));
  }

  #drawVolume() {
    const shown = this.#muted ? 0 : this.#volume;
    for (const input of this.#inputs("volume")) {
      if (!this.#isTurning) input.value = String(Math.round(shown * 100));
      fill(input);
    }
    for (const button of this.#all('[data-do="mute"]')) {
      button.setAttribute("aria-pressed", String(this.#muted));
      swapIcon(button, shown ? "volume" : "muted");
    }
  }

  /** A finger drawn up on the bar opens the stage, drawn down on the stage closes it. */
  #swipe() {
    const from = { x: 0, y: 0 };
    const bar = this.querySelector(".bar-song");
    for (const place of [bar, this.#stage]) {
      place?.addEventListener("touchstart", (event) => {
        const touch = /** @type {TouchEvent} */ (event).touches[0];
        if (touch) [from.x, from.y] = [touch.clientX, touch.clientY];
      }, { passive: true });
    }
    bar?.addEventListener("touchend", (event) => moved(event, from) < -40 && this.#open());
    this.#stage.addEventListener("touchend", (event) => {
      const onSlider = /** @type {Element} */ (event.target).closest("input");
      if (!onSlider && this.#stage.scrollTop <= 0 && moved(event, from) > 90) this.#stage.close();
    });
  }

  get #stage() {
    return /** @type {HTMLDialogElement} */ (this.querySelector(".stage"));
  }

  /** @param {string} selector */
  #all(selector) {
    return /** @type {NodeListOf<HTMLElement>} */ (this.querySelectorAll(selector));
  }

  /** @param {string} what */
  #inputs(what) {
    return /** @type {NodeListOf<HTMLInputElement>} */ (this.querySelectorAll(`input[data-do="${what}"]`));
  }
}

/** How far down a finger went, 0 when it went rather sideways. @param {Event} event @param {{x: number, y: number}} from */
function moved(event, from) {
  const touch = /** @type {TouchEvent} */ (event).changedTouches[0];
  if (!touch || Math.abs(touch.clientX - from.x) > Math.abs(touch.clientY - from.y)) return 0;
  return touch.clientY - from.y;
}

customElements.define("audio-player", AudioPlayer);
