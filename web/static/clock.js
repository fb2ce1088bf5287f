// The common clock: what time it is at the database, told from this machine's monotonic clock.
// A question and its answer carry four stamps; half the difference of the two ways is the offset,
// and the way there and back bounds its error. Wall clocks are never read.

/** @typedef {{offset: number, roundTrip: number, at: number}} Sample  all in milliseconds; `at` is monotonic */

const KEEP = 16;
/** Quartz clocks differ by tens of millionths; samples further apart than this explains mean a clock stood still. */
const DRIFT = 100e-6;

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
  const allowed = (one.roundTrip + other.roundTrip) / 2 + 2 + DRIFT * Math.abs(one.at - other.at);
  return Math.abs(one.offset - other.offset) <= allowed;
}

export class Clock {
  /** @param {() => number} monotonic milliseconds that never jump */
  constructor(monotonic = () => performance.now()) {
    this.monotonic = monotonic;
    /** @type {Sample[]} */
    this.samples = [];
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
    this.samples = [...this.samples.filter((old) => agree(old, fresh)), fresh].slice(-KEEP);
  }

  /**
   * A first guess from one stamp (the greeting's), until an exchange is measured.
   * @param {number} serverTime
   */
  guess(serverTime) {
    if (!this.isSet) this.samples = [{ offset: serverTime - this.monotonic(), roundTrip: 2000, at: this.monotonic() }];
  }

  /** The server's time now, in milliseconds since 1970. */
  now() {
    return this.monotonic() + (this.best?.offset ?? Date.now() - this.monotonic());
  }

  /** When, on our monotonic clock, it is `serverTime` there. @param {number} serverTime */
  local(serverTime) {
    return serverTime - (this.now() - this.monotonic());
  }
}
