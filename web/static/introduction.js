// This device introduces itself to the server whenever the line comes up, and keeps the name it is known by.

import { here } from "./here.js";
import { Refused } from "./socket.js";

const AGAIN_MS = 10_000;
const KEY = "device";

export class Introduction {
  /** @param {import("./tabs.js").Line} line */
  constructor(line) {
    this.line = line;
    /** What the server calls this device; all windows of a browser are one. */
    this.deviceId = localStorage.getItem(KEY);
    this.isMade = false;
  }

  /** The line went down: the next server does not know us yet. */
  forget() {
    this.isMade = false;
  }

  /** Only the window that leads does. @param {string | null} [known] what the greeting called us */
  async make(known = null) {
    if (!this.line.isLeading || this.isMade) return;
    this.isMade = true;
    try {
      this.deviceId ||= known;
      const named = this.deviceId ? { deviceId: this.deviceId } : {};
      const device = await this.line.request("device.register", { ...here(), ...named });
      localStorage.setItem(KEY, device.deviceId);
      this.line.tell("device", device.deviceId);
    } catch (error) {
      this.isMade = false;
      if (error instanceof Refused && error.status === 404) this.#drop();
      if (error instanceof Refused && error.status !== 403) setTimeout(() => this.make(), AGAIN_MS);
    }
  }

  #drop() {
    localStorage.removeItem(KEY);
    this.deviceId = null;
  }
}
