// Browsers let a page sound only once somebody has touched it. What was refused is tried again at the tap.

/** So long a tap may still bring the music that had to stay elsewhere. */
const MISSED_MS = 60_000;

/**
 * Events: `blocked` (detail: whether the browser wants a tap first), `tapped` (the tap came too late, the music
 * has stayed where it was: it is still wanted here).
 */
export class Permission extends EventTarget {
  /** @param {{unlock: () => void, again: () => void}} parts  use the gesture for silent elements; try anew what was refused */
  constructor({ unlock, again }) {
    super();
    this.unlock = unlock;
    this.again = again;
    this.isBlocked = false;
    /** The music could not come here in time, for want of a tap. */
    this.isMissed = false;
    /** It was refused since something was last to sound here. */
    this.wasRefused = false;
    for (const gesture of ["pointerup", "keydown", "touchend"]) addEventListener(gesture, () => this.touch(), { capture: true });
  }

  /** The browser refused, or lets us sound by now. @param {boolean} isBlocked */
  block(isBlocked) {
    if (isBlocked) this.wasRefused = true;
    else this.isMissed = false;
    if (this.isBlocked === isBlocked) return;
    this.isBlocked = isBlocked;
    this.dispatchEvent(new CustomEvent("blocked", { detail: isBlocked }));
  }

  /** Nothing is to sound here any more. @param {{isMissed: boolean}} why whether that is because it was not ready in time */
  end({ isMissed }) {
    clearTimeout(this.timer);
    this.isMissed = isMissed && this.isBlocked;
    const cameLate = isMissed && this.wasRefused && !this.isBlocked;
    this.wasRefused = false;
    if (!this.isMissed) this.block(false);
    else this.timer = setTimeout(() => this.end({ isMissed: false }), MISSED_MS);
    if (cameLate) this.#tapped();
  }

  /** A finger touched the page, wherever: what waits for that begins, what was missed is not fetched unasked. */
  touch() {
    this.unlock();
    if (!this.isBlocked || this.isMissed) return;
    this.block(false);
    this.again();
  }

  /** Somebody said that it shall sound here. */
  listen() {
    const wasMissed = this.isMissed;
    this.end({ isMissed: false });
    this.unlock();
    this.again();
    if (wasMissed) this.#tapped();
  }

  #tapped() {
    this.dispatchEvent(new CustomEvent("tapped"));
  }
}
