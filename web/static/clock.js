// The common clock: what time it is at the database, told from this machine's monotonic clock.
// A question and its answer carry four stamps. Neither way takes less than no time, so each exchange says between
// which two values the offset lies; the middle of what all exchanges allow is believed. With 100 ms of jitter each
// way the shortest of 16 ways there and back is wrong by 20 ms in one of twenty cases, what all of them allow by 8.
// Wall clocks are never read.

/** @typedef {{offset: number, roundTrip: number, at: number}} Sample  all in milliseconds; `at` is monotonic */
/** @typedef {{low: number, high: number, at: number}} Bounds  between which the offset lay at `at` */

const KEEP = 16;
/** Quartz clocks differ by tens of millionths; samples further apart than this explains mean a clock stood still. */
const DRIFT = 100e-6;
/** Whom to believe: an offset known to this many milliseconds, or as well as so many exchanges can tell. */
export const WELL_MS = 4;
const ENOUGH = 12;
/** Servers differ by about this in what the database's time is; bounds that miss each other by less do not contradict. */
const SLACK = 2;

/**
 * Offset and round trip from four stamps: sent and received by our clock, received and answered by the server's.
 * @param {number} t0 @param {number} t1 @param {number} t2 @param {number} t3
 * @returns {Sample}
 */
export function sample(t0, t1, t2, t3) {
  return { offset: (t1 - t0 + (t2 - t3)) / 2, roundTrip: Math.max(0, t3 - t0 - (t2 - t1)), at: t3 };
}

/**
 * Whether both samples can be true of the same two clocks: each is right within half its round trip.
 * @param {Sample} one @param {Sample} other
 */
export function agree(one, other) {
  const allowed = (one.roundTrip + other.roundTrip) / 2 + SLACK + DRIFT * Math.abs(one.at - other.at);
  return Math.abs(one.offset - other.offset) <= allowed;
}

/**
 * What one exchange more leaves possible: the bounds known so far, grown by what quartz drifts since, and its own.
 * @param {Bounds | null} known @param {Sample} fresh @returns {Bounds}
 */
export function narrowed(known, { offset, roundTrip, at }) {
  const own = { low: offset - roundTrip / 2, high: offset + roundTrip / 2, at };
  if (!known) return own;
  const grown = DRIFT * (at - known.at);
  const low = Math.max(own.low, known.low - grown);
  const high = Math.min(own.high, known.high + grown);
  return low > high + SLACK ? own : { low: Math.min(low, high), high: Math.max(low, high), at };
}

export class Clock {
  /** @param {() => number} monotonic milliseconds that never jump */
  constructor(monotonic = () => performance.now()) {
    this.monotonic = monotonic;
    /** @type {Sample[]} */
    this.samples = [];
    /** @type {Bounds | null} */
    this.bounds = null;
  }

  /** Whether any measurement arrived yet. */
  get isSet() {
    return this.samples.length > 0;
  }

  /** The most trustworthy of the last samples. @returns {Sample | undefined} */
  get best() {
    return this.samples.reduce(
      (/** @type {Sample | undefined} */ best, one) => (best && best.roundTrip <= one.roundTrip ? best : one),
      undefined,
    );
  }

  /**
   * Learn from one exchange. A machine that slept leaves old samples that contradict the new one: they go.
   * @param {number} t0 @param {number} t1 @param {number} t2 @param {number} t3
   */
  add(t0, t1, t2, t3) {
    const fresh = sample(t0, t1, t2, t3);
    const agreeing = this.samples.filter((old) => agree(old, fresh));
    // The greeting's stamp is no exchange: it bounds nothing.
    if (!this.bounds) agreeing.length = 0;
    this.bounds = narrowed(agreeing.length < this.samples.length ? null : this.bounds, fresh);
    this.samples = [...agreeing, fresh].slice(-KEEP);
  }

  /**
   * A first guess from one stamp (the greeting's), until an exchange is measured.
   * @param {number} serverTime
   */
  guess(serverTime) {
    if (!this.isSet) this.samples = [{ offset: serverTime - this.monotonic(), roundTrip: 2000, at: this.monotonic() }];
  }

  /** By how much `now()` may be wrong, in milliseconds. */
  get errorMs() {
    return this.bounds ? (this.bounds.high - this.bounds.low) / 2 : Infinity;
  }

  /** How long the newest exchange took there and back, in milliseconds. */
  get roundTrip() {
    return (this.bounds && this.samples.at(-1)?.roundTrip) ?? Infinity;
  }

  /** Whether it is known as well as need be, or as this line lets us: what is begun before would have to be mended. */
  get isWell() {
    return this.errorMs < WELL_MS || (this.bounds !== null && this.samples.length >= ENOUGH);
  }

  /** What to add to our monotonic clock for the server's time. */
  get offset() {
    if (this.bounds) return (this.bounds.low + this.bounds.high) / 2;
    return this.best?.offset ?? Date.now() - this.monotonic();
  }

  /** The server's time now, in milliseconds since 1970. */
  now() {
    return this.monotonic() + this.offset;
  }

  /** When, on our monotonic clock, it is `serverTime` there. @param {number} serverTime */
  local(serverTime) {
    return serverTime - this.offset;
  }
}
