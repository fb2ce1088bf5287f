// Sheets: queue, devices, the code for a phone. From below on a phone, beside the page on a desk.

import { load } from "./navigation.js";
import { sayAbove } from "./ui.js";

/** @typedef {(method: string, params?: Record<string, unknown>) => Promise<any>} Wish */

/** What happens in the list of devices, and the command that carries it out. */
const WISHES = { transfer: "player.transfer", join: "output.add", leave: "output.remove", delay: "device.change", rename: "device.change" };

/** @param {{wish: Wish, undo: (text: string) => void, listen: () => void, opened: () => void}} parts */
export function wireSheets({ wish, undo, listen, opened }) {
  document.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    const opener = /** @type {HTMLElement | null} */ (target.closest("[data-open]"));
    if (opener) openSheet(opener.dataset.open ?? "", opened);
    const sheet = /** @type {HTMLDialogElement | null} */ (target.closest("dialog.sheet"));
    if (sheet && (target === sheet || target.closest("[data-close]"))) sheet.close();
    if (target.closest('[data-act="clear"]')) wish("queue.clear").then((done) => done && undo("The queue was cleared."));
    if (target.closest('[data-act="listen"]')) listen();
  });
  document.addEventListener("close", () => sayAbove(), { capture: true });
  for (const [name, method] of Object.entries(WISHES)) {
    document.addEventListener(name, (event) => wish(method, /** @type {CustomEvent} */ (event).detail), true);
  }
}

/** @param {string} name @param {() => void} [opened] */
export function openSheet(name, opened = () => {}) {
  const sheet = /** @type {HTMLDialogElement | null} */ (document.getElementById(`sheet-${name}`));
  if (!sheet || sheet.open) return sheet?.close();
  for (const other of document.querySelectorAll("dialog.sheet[open]")) /** @type {HTMLDialogElement} */ (other).close();
  const isOnStage = Boolean(document.querySelector("dialog.stage[open]"));
  // On a desk the page stays usable beside an open sheet; over the stage or on a phone it does not.
  // What is only read goes with the next Escape.
  if (innerWidth >= 860 && !isOnStage && name !== "keys") sheet.show();
  else sheet.showModal();
  sayAbove();
  if (name === "phone") load("/phone", { target: "#phone", swap: "innerHTML" });
  opened();
}
