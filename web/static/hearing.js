// What of an audio context is heard when, and what to do about an error. Pure.

import { correction } from "./timeline.js";

/** Errors above this are not worked off, they are jumped over. */
const JUMP_MS = 60;
/** Readings come every 250 ms; a context's clock drifts by less than a tenth of a millisecond over these. */
const KEEP = 12;
/** So many late readings in a row are not late: the context stood still for a while. */
const IN_A_ROW = 4;
const LATE_MS = 1;
/** The very first readings of a context may be late by a tenth of a second. */
const ENOUGH = 3;
/** Below this an error is noise of the measurement. */
const NOISE_MS = 1;
const SAME_RATE = 0.0002;
/** Told latencies above this are not believed; the person's own delay is there for such devices. */
export const SANE_S = 0.1;

/** @typedef {{contextTime?: number, performanceTime?: number}} Stamp */

/**
 * How far the clock of a context lies behind ours, in milliseconds: what it was told to play at its moment c is
 * heard at our moment c + difference. Single readings may be late, never early, so the least one is true.
 */
export class Hearing {
  constructor() {
    /** @type {number[]} */
    this.readings = [];
  }

  /** Whether enough is known to plan by it. */
  get isSet() {
    return this.readings.length >= ENOUGH;
  }

  get differenceMs() {
    return Math.min(...this.readings);
  }

  /** @param {number} differenceMs */
  add(differenceMs) {
    const least = this.differenceMs;
    this.readings = [...this.readings, differenceMs].slice(-KEEP);
    const last = this.readings.slice(-IN_A_ROW);
    if (last.length === IN_A_ROW && last.every((one) => one > least + LATE_MS)) this.readings = last;
  }

  /** Our moment, in milliseconds, at which a moment of the context, in seconds, is heard. @param {number} contextTime */
  localAt(contextTime) {
    return contextTime * 1000 + this.differenceMs;
  }

  /** The moment of the context, in seconds, that is heard at a moment of ours. @param {number} local */
  contextAt(local) {
    return (local - this.differenceMs) / 1000;
  }
}

/**
 * One reading. The stamp says directly what leaves the device when; where a browser gives none, or its latency
 * is beyond belief, the context's own time is taken: it moves in steps and lies ahead by the latency.
 * @param {{stamp: Stamp | undefined, currentTime: number, outputLatency: number | undefined, now: number,
 *   isSane: boolean}} told
 * @returns {number | null} null while the context has not begun to move
 */
export function reading({ stamp, currentTime, outputLatency, now, isSane }) {
  if (isSane && stamp?.contextTime && stamp.performanceTime) return stamp.performanceTime - stamp.contextTime * 1000;
  // A browser that knows stamps gives them within its first second.
  if (isSane && stamp && currentTime < 1) return null;
  return currentTime ? now - currentTime * 1000 + (isSane ? (outputLatency ?? 0) * 1000 : 0) : null;
}

/**
 * What to do about an error: a rate to go on with, or a jump.
 * @param {number} errorMs how far ahead of time we sound @param {number} rate the present one
 * @returns {number | "jump"}
 */
export function remedy(errorMs, rate) {
  if (Math.abs(errorMs) > JUMP_MS) return "jump";
  const wanted = correction(errorMs, NOISE_MS);
  return Math.abs(wanted - rate) < SAME_RATE ? rate : wanted;
}
