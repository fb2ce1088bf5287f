// What this person may do at the player: the owner everything, a guest what his host lets him. The rest is shown as
// such, with the reason, instead of being refused afterwards. An element says what it takes by `data-needs`.

import { toast } from "./ui.js";

/** @typedef {"see" | "add" | "control" | "volume"} Right */

/** @type {Right[]} */
const ALL = ["see", "add", "control", "volume"];
const REASONS = {
  see: "You cannot see this player.",
  add: "Your host has not let you add songs.",
  control: "Only your host steers what plays here.",
  volume: "Only your host sets how loud it is.",
};

/** The rights that a command takes, all of them. @param {string} method @param {Record<string, unknown>} [params] @returns {Right[]} */
export function neededFor(method, params = {}) {
  if (/^queue\.(add|undo|redo)$/.test(method)) return ["add"];
  if (method === "player.change") return neededToChange(params);
  if (/\.(get|list|register|report|leave)$/.test(method)) return ["see"];
  return /^(player|queue|output|device)\./.test(method) ? ["control"] : ["see"];
}

/** Order and repetition are steering, and loudness is not. @param {Record<string, unknown>} params @returns {Right[]} */
function neededToChange(params) {
  if (!("isShuffled" in params || "repeatMode" in params)) return ["volume"];
  return "volume" in params || "muted" in params ? ["control", "volume"] : ["control"];
}

export class Rights {
  /** @param {{role: string | undefined}} person  a guest may nothing until the server has said what */
  constructor({ role }) {
    /** @type {readonly Right[]} */
    this.given = role === "guest" ? ["see"] : ALL;
    this.watch = new MutationObserver(() => this.draw());
  }

  /** On this page from now on. */
  start() {
    document.addEventListener("click", (event) => this.#guard(event), { capture: true });
    this.#apply();
  }

  /** What the greeting said. @param {readonly Right[] | undefined} given */
  take(given) {
    if (given) this.given = given;
    this.#apply();
  }

  /** @param {Right} right */
  may(right) {
    return this.given.includes(right);
  }

  /** Whether a command would be carried out; if not, the person is told why. @param {string} method @param {Record<string, unknown>} params */
  allows(method, params) {
    const missing = neededFor(method, params).find((right) => !this.may(right));
    if (missing) toast(REASONS[missing]);
    return !missing;
  }

  /** Mark what is on the page now. */
  draw() {
    for (const one of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-needs]"))) this.#mark(one);
  }

  #apply() {
    this.watch.disconnect();
    this.draw();
    // Nothing has to be watched for who may do everything.
    if (ALL.some((right) => !this.may(right))) this.watch.observe(document.body, { childList: true, subtree: true });
  }

  /** @param {HTMLElement} one */
  #mark(one) {
    const right = /** @type {Right} */ (one.dataset.needs);
    const isRefused = !this.may(right);
    if (isRefused === one.hasAttribute("data-refused")) return;
    one.toggleAttribute("data-refused", isRefused);
    if (isRefused) one.setAttribute("aria-disabled", "true");
    else one.removeAttribute("aria-disabled");
    one.title = isRefused ? REASONS[right] : "";
    // A button still takes the tap that is answered by the reason; a slider must not even move.
    if (one instanceof HTMLInputElement) one.disabled = isRefused;
  }

  /** @param {Event} event */
  #guard(event) {
    const refused = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-refused]"));
    if (!refused) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    toast(refused.title);
  }
}
