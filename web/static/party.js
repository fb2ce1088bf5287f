// Several devices, one sound: whole songs are decoded and started at an instant of the common clock.
// What is heard when follows from the context's own clock; small errors are worked off by rate, large ones by a jump.

import { Decoded } from "./decoded.js";
import { Hearing, SANE_S, reading, remedy } from "./hearing.js";
import { instant, positionAt } from "./timeline.js";

/** A state that moved the song by less is no new start. */
const NEAR_MS = 15;
const SOON_S = 0.08;
const FADE_S = 0.02;
/** So long what a party took is kept: who comes back soon, as one does who tries out devices, begins at once. */
const REST_AFTER_MS = 10_000;
/** A context that may sound runs sooner than this after it was asked to. */
const WAKES_IN_MS = 600;
/** Songs longer than this are not decoded as a whole: ten minutes are 230 MB already. */
const DECODED_MS = 10 * 60_000;

/** @typedef {{itemId: string, zero: number, source: AudioBufferSourceNode, gain: GainNode, at: number, fromMs: number, rate: number}} Sounding */

/** Whether a song is short enough to be held decoded; who does not know how long it is must not try. @param {Item} item */
export function isDecodable({ durationMs }) {
  return durationMs > 0 && durationMs <= DECODED_MS;
}

export class Party {
  /** @param {{clock: import("./clock.js").Clock, tell: (state: string, item: Item) => void, blocked: (isBlocked: boolean) => void}} parts */
  constructor({ clock, tell, blocked }) {
    this.clock = clock;
    this.tell = tell;
    this.blocked = blocked;
    /** @type {AudioContext | null} */
    this.context = null;
    /** @type {GainNode | null} */
    this.volume = null;
    this.decoded = new Decoded({ decode: (bytes) => this.#ready().decodeAudioData(bytes), loaded: () => this.#announce() });
    /** @type {Sounding | null} */
    this.sounding = null;
    /** @type {Item | null} what is to sound, whether it does already or not */
    this.current = null;
    /** The item of which was said that it is ready. */
    this.announced = "";
    /** Since when the context is asked to run and does not; 0 while it runs. */
    this.askedAt = 0;
    /** Nobody sounds together here: the context rests, or soon will. */
    this.isResting = true;
    this.hearing = new Hearing();
    this.isSane = true;
    this.lastErrorMs = 0;
  }

  get isSounding() {
    return this.sounding !== null;
  }

  /** What is heard now, in ms of the song. */
  get positionMs() {
    return this.sounding ? this.#reachedAt(this.hearing.contextAt(this.clock.monotonic())) : 0;
  }

  /** @param {Item | null} item */
  hasFailed(item) {
    return item !== null && this.decoded.hasFailed(item.songId);
  }

  unlock() {
    if (!this.isResting && this.context?.state === "suspended") this.context.resume();
  }

  /** @param {Player} view @param {number} delayMs how much earlier this device must sound @param {number} level */
  follow(view, delayMs, level) {
    const context = this.#ready();
    this.#wake(context);
    this.current = view.item;
    if (!view.item) return this.stop();
    this.volume?.gain.setTargetAtTime(level, context.currentTime, 0.02);
    this.#keep(view.item, view.next);
    const isHeard = this.#measure(context);
    if (!view.isPlaying) return this.stop();
    const buffer = this.decoded.get(view.item.songId);
    if (!buffer) return this.#endOther(view);
    if (context.state === "suspended") return this.#wait();
    if (!this.sounding && !(isHeard && this.clock.isWell)) return;
    const isSame = this.sounding?.itemId === view.item.itemId && Math.abs(this.sounding.zero - zeroOf(view)) < NEAR_MS;
    if (!isSame) return this.#start(view, buffer, delayMs);
    this.#correct(view, buffer, delayMs);
  }

  stop() {
    if (!this.sounding || !this.context) return;
    this.#fadeOut(this.sounding, this.context.currentTime);
    this.sounding = null;
  }

  /** Nothing is to sound together with others here. */
  leave() {
    if (this.isResting) return;
    this.stop();
    this.isResting = true;
    this.current = null;
    this.announced = "";
    this.askedAt = 0;
    this.resting = setTimeout(() => this.#rest(), REST_AFTER_MS);
  }

  /** What a context knows of its time is not true any more once it stood still. */
  #rest() {
    this.decoded.keep([]);
    this.hearing = new Hearing();
    this.context?.suspend();
  }

  /** Asked for as soon as we belong to a party: by the time the song is decoded it runs. @param {AudioContext} context */
  #wake(context) {
    clearTimeout(this.resting);
    this.isResting = false;
    if (context.state !== "suspended") this.askedAt = 0;
    else {
      this.askedAt ||= this.clock.monotonic();
      context.resume();
    }
  }

  /** It does not run yet. After a while that means: not without a tap. */
  #wait() {
    if (this.clock.monotonic() - this.askedAt > WAKES_IN_MS) this.blocked(true);
  }

  #ready() {
    if (this.context) return this.context;
    const context = (this.context = new AudioContext({ latencyHint: "playback" }));
    context.onstatechange = () => context.state === "running" && this.blocked(false);
    this.volume = context.createGain();
    this.volume.connect(context.destination);
    return context;
  }

  /** Hold the current song and the next one, and no other. @param {Item} item @param {Item | null} next */
  #keep(item, next) {
    this.decoded.keep([item, next].flatMap((one) => (one && isDecodable(one) ? [one.songId] : [])));
    this.#announce();
  }

  /** Say once that the current song is here; that the next one is, is nobody's business yet. */
  #announce() {
    const { current } = this;
    if (!current || current.itemId === this.announced || !this.decoded.get(current.songId)) return;
    this.announced = current.itemId;
    this.tell("ready", current);
  }

  /** What sounded before does not go on because the song that is to sound now is not here yet. @param {Player} view */
  #endOther(view) {
    const isOther = this.sounding !== null && this.sounding.itemId !== view.item?.itemId;
    if (isOther && instant(view.anchoredAt) <= this.clock.now()) this.stop();
  }

  /** Whether it is known what is heard when. @param {AudioContext} context */
  #measure(context) {
    // While it sounds, the way of telling stays the same: to change it would be heard as a jump.
    const isSane = this.sounding ? this.isSane : (context.outputLatency || 0) < SANE_S;
    if (isSane !== this.isSane || context.state !== "running") this.hearing = new Hearing();
    this.isSane = isSane;
    const stamp = context.getOutputTimestamp?.();
    const { currentTime, outputLatency } = context;
    const told = reading({ stamp, currentTime, outputLatency, now: this.clock.monotonic(), isSane });
    if (told !== null && context.state === "running") this.hearing.add(told);
    return this.hearing.isSet;
  }

  /** The server's time at which a moment of the context is heard. @param {number} contextTime */
  #heardAt(contextTime) {
    return this.hearing.localAt(contextTime) + this.clock.offset;
  }

  /** @param {number} contextTime */
  #reachedAt(contextTime) {
    const { fromMs, at, rate } = /** @type {Sounding} */ (this.sounding);
    return fromMs + (contextTime - at) * 1000 * rate;
  }

  /** @param {Player} view @param {AudioBuffer} buffer @param {number} delayMs */
  #start(view, buffer, delayMs) {
    const context = /** @type {AudioContext} */ (this.context);
    let at = context.currentTime + SOON_S;
    const early = instant(view.anchoredAt) - delayMs - this.#heardAt(at);
    if (early > 0) at += early / 1000;
    const fromMs = early > 0 ? view.positionMs : positionAt(view, this.#heardAt(at) + delayMs);
    if (fromMs >= buffer.duration * 1000) return this.stop();
    const source = context.createBufferSource();
    const gain = context.createGain();
    source.buffer = buffer;
    source.connect(gain).connect(/** @type {GainNode} */ (this.volume));
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(1, at + FADE_S);
    source.start(at, fromMs / 1000);
    if (this.sounding) this.#fadeOut(this.sounding, at);
    const isFirst = this.sounding?.itemId !== view.item?.itemId;
    this.sounding = { itemId: view.item?.itemId ?? "", zero: zeroOf(view), source, gain, at, fromMs, rate: 1 };
    if (!isFirst || !view.item) return;
    this.blocked(false);
    this.tell("playing", view.item);
  }

  /** @param {Player} view @param {AudioBuffer} buffer @param {number} delayMs */
  #correct(view, buffer, delayMs) {
    const sounding = /** @type {Sounding} */ (this.sounding);
    const context = /** @type {AudioContext} */ (this.context);
    const heard = this.hearing.contextAt(this.clock.monotonic());
    if (heard < sounding.at) return;
    const error = this.#reachedAt(heard) - positionAt(view, this.clock.now() + delayMs);
    this.lastErrorMs = error;
    const rate = remedy(error, sounding.rate);
    if (rate === "jump") return this.#start(view, buffer, delayMs);
    if (rate === sounding.rate) return;
    const now = context.currentTime;
    sounding.fromMs = this.#reachedAt(now);
    sounding.at = now;
    sounding.rate = rate;
    sounding.source.playbackRate.setValueAtTime(rate, now);
  }

  /** @param {Sounding} sounding @param {number} at */
  #fadeOut({ gain, source }, at) {
    gain.gain.cancelScheduledValues(at);
    gain.gain.setValueAtTime(1, at);
    gain.gain.linearRampToValueAtTime(0, at + FADE_S);
    source.stop(at + FADE_S + 0.01);
  }
}

/** When the song's beginning was, or would have been, in server time. @param {Player} view */
function zeroOf(view) {
  return instant(view.anchoredAt) - view.positionMs;
}
