// The music moves from one device to another at an instant that the server names: the new one comes in unheard,
// in time with the old one, and rises there; the old one fades out.

import { WHISPER } from "./deck.js";
import { instant, loudness } from "./timeline.js";

export const FADE_MS = 300;
/** While it comes in, a device looks at its time so often. */
const EVERY_MS = 60;
/** It says that it is ready when it is this near, or after a while when it is not far. */
const NEAR_MS = 15;
const NOT_FAR_MS = 120;
const PATIENT_MS = 1800;
/** So far from its time it seeks; nearer it is brought in by rate. */
const FAR_MS = 250;

/**
 * @typedef {import("./deck.js").Deck} Deck
 * @typedef {object} Place  what of the device a handover needs
 * @property {() => string} role
 * @property {() => Deck} deck  the one in front
 * @property {(view: Player, farMs: number, how: {isHeard: boolean}) => void} keepTime
 * @property {() => void} announce  say once that the item is here
 * @property {() => void} again  look at the player anew
 * @property {(gapMs: number) => void} done
 */

export class Handover {
  /** @param {{clock: import("./clock.js").Clock, place: Place}} parts */
  constructor({ clock, place }) {
    this.clock = clock;
    this.place = place;
    this.began = 0;
    /** @type {string | null} the instant for which the change is arranged */
    this.arranged = null;
  }

  /** Our part changed: what was arranged before counts no more. */
  begin() {
    this.began = performance.now();
    this.arranged = null;
  }

  /** Play along without being heard until the instant the server names. @param {Player} view */
  arrive(view) {
    const { place, clock } = this;
    const startsAt = view.handoff?.startsAt ?? null;
    if (startsAt === null || clock.now() < instant(startsAt)) place.deck().fade(WHISPER);
    place.keepTime(view, FAR_MS, { isHeard: false });
    this.#sayWhenInTime();
    clearTimeout(this.looking);
    this.looking = setTimeout(() => place.role() === "arriving" && place.again(), EVERY_MS);
    this.#arrange(startsAt, (at) => this.#rise(view, at));
  }

  /** Sound on until that instant, then fade. @param {Player} view */
  leave(view) {
    const { place } = this;
    this.#arrange(view.handoff?.startsAt ?? null, () => place.role() === "leaving" && place.deck().fade(0, FADE_MS));
  }

  /** @param {string | null} startsAt @param {(at: number) => void} what */
  #arrange(startsAt, what) {
    if (startsAt === null || startsAt === this.arranged) return;
    this.arranged = startsAt;
    const at = instant(startsAt);
    setTimeout(() => what(at), this.clock.local(at) - performance.now());
  }

  #sayWhenInTime() {
    const deck = this.place.deck();
    if (!deck.isMoving || !deck.isSteady) return;
    const limit = performance.now() - this.began < PATIENT_MS ? NEAR_MS : NOT_FAR_MS;
    if (Math.abs(deck.errorMs) < limit) this.place.announce();
  }

  /** @param {Player} view @param {number} at */
  #rise(view, at) {
    if (this.place.role() === "silent") return;
    const deck = this.place.deck();
    deck.audio.playbackRate = 1;
    deck.fade(loudness(view), FADE_MS);
    const late = Math.max(0, this.clock.now() - at);
    this.place.done(Math.round(Math.abs(deck.errorMs) + late));
  }
}
