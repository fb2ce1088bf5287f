// Keys, as everywhere where music plays: space plays and pauses, / searches, Ctrl+Z takes a change of the queue back;
// ? shows them all (templates/player/_player.html).

import { navigate } from "./navigation.js";
import { openSheet } from "./sheets.js";
import { toast } from "./ui.js";

/** Where keys are letters, or choose. A slider knows arrows alone. */
const WRITING = 'input:not([type="range"]), textarea, select, [contenteditable]';

/** @param {{wish: import("./sheets.js").Wish, toggle: () => void}} parts */
export function wireKeys({ wish, toggle }) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || event.altKey || target.closest(WRITING)) return;
    if (event.ctrlKey || event.metaKey) return void (event.key.toLowerCase() === "z" && takeBack(event, wish));
    if (event.key === " " && !target.closest("button, a, summary")) once(event, toggle);
    if (event.key === "/") once(event, search);
    if (event.key === "?") once(event, () => openSheet("keys"));
  });
}

/** A key that is held means what it meant when it went down, and the page does not scroll by it. @param {KeyboardEvent} event @param {() => unknown} act */
function once(event, act) {
  event.preventDefault();
  if (!event.repeat) act();
}

function search() {
  const input = /** @type {HTMLInputElement | null} */ (document.querySelector("search-bar input"));
  if (input) input.focus();
  else navigate.to("/search");
}

/** @param {KeyboardEvent} event @param {import("./sheets.js").Wish} wish */
async function takeBack(event, wish) {
  event.preventDefault();
  if (event.repeat) return;
  const isAgain = event.shiftKey;
  if (await wish(isAgain ? "queue.redo" : "queue.undo")) toast(isAgain ? "Done again." : "Taken back.");
}
