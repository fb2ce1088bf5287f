// Keys, as everywhere where music plays: space plays and pauses, / searches, Ctrl+Z takes a change of the queue back;
// ? shows them all (templates/player/_player.html).

import { navigate } from "./navigation.js";
import { openSheet } from "./sheets.js";
import { toast } from "./ui.js";

/** @param {{wish: import("./sheets.js").Wish, toggle: () => void}} parts */
export function wireKeys({ wish, toggle }) {
  document.addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || event.altKey || target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.ctrlKey || event.metaKey) return void (event.key.toLowerCase() === "z" && takeBack(event, wish));
    if (event.key === "/") {
      event.preventDefault();
      search();
    }
    if (event.key === "?") openSheet("keys");
    if (event.key === " " && !target.closest("button, a, summary, dialog")) {
      event.preventDefault();
      toggle();
    }
  });
}

function search() {
  const input = /** @type {HTMLInputElement | null} */ (document.querySelector("search-bar input"));
  if (input) input.focus();
  else navigate.to("/search");
}

/** @param {KeyboardEvent} event @param {import("./sheets.js").Wish} wish */
async function takeBack(event, wish) {
  event.preventDefault();
  const isAgain = event.shiftKey;
  if (await wish(isAgain ? "queue.redo" : "queue.undo")) toast(isAgain ? "Done again." : "Taken back.");
}
