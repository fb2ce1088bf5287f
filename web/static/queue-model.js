// The queue as this client knows it: its length, and those items that have been asked for. Pure.

/**
 * @typedef {{op: "insert", index: number, items: Item[]} | {op: "remove", index: number, itemId: string}
 *   | {op: "move", itemId: string, from: number, to: number}} Change
 * @typedef {{queueVersion: number, length: number, reload: boolean, madeBy: {id: string, name: string} | null, changes: Change[]}} Changed
 * @typedef {{queueVersion: number, from: number, length: number, currentIndex: number, items: Item[], changes?: Changed[] | null}} Window
 */

export class QueueModel {
  constructor() {
    this.version = -1;
    this.length = 0;
    /** @type {(Item | undefined)[]} sparse: what was never asked for is a hole */
    this.items = [];
  }

  /** @param {number} index */
  at(index) {
    return this.items[index];
  }

  /** @param {string} itemId */
  indexOf(itemId) {
    return this.items.findIndex((item) => item?.itemId === itemId);
  }

  /** Take a window of the queue. Of another version than ours, everything older goes. @param {Window} window */
  take(window) {
    if (window.queueVersion < this.version) return false;
    if (window.queueVersion !== this.version) this.items = [];
    this.version = window.queueVersion;
    this.length = window.length;
    this.items.length = this.length;
    window.items.forEach((item, index) => (this.items[window.from + index] = item));
    return true;
  }

  /**
   * Take a change. Answers "gap" when it does not follow on what we have, so that the caller asks; what does not come
   * out at the length it should is not this version nor any other, so all of it must be asked for.
   * @param {Changed} changed @returns {"done" | "gap" | "old"}
   */
  apply(changed) {
    if (changed.queueVersion <= this.version) return "old";
    if (changed.reload || changed.queueVersion !== this.version + 1) return "gap";
    for (const change of changed.changes) this.#one(change);
    this.version = this.length === changed.length ? changed.queueVersion : -1;
    return this.version < 0 ? "gap" : "done";
  }

  /** @param {Change} change */
  #one(change) {
    if (change.op === "insert") {
      this.items.splice(change.index, 0, ...change.items);
      this.length += change.items.length;
    } else if (change.op === "remove") {
      this.items.splice(change.index, 1);
      this.length -= 1;
    } else this.move(change.from, change.to);
    this.items.length = this.length;
  }

  /** Also used to show a drag before the server has answered. @param {number} from @param {number} to */
  move(from, to) {
    const [item] = this.items.splice(from, 1);
    this.items.splice(to, 0, item);
  }

  /**
   * The first stretch between two places that is not known yet, at most `limit` long; null when all is known.
   * @param {number} from @param {number} to @param {number} limit
   */
  missing(from, to, limit) {
    for (let index = Math.max(0, from); index < Math.min(to, this.length); index += 1) {
      if (!this.items[index]) return { from: index, limit: Math.min(limit, this.length - index) };
    }
    return null;
  }
}
