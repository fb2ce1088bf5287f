// Dark, light, or as the system says; kept in this browser (theme.js applies it before the first paint).

import { swapIcon } from "./ui.js";

const ORDER = ["auto", "light", "dark"];
const ICONS = { auto: "auto", light: "sun", dark: "moon" };
const NAMES = { auto: "System theme", light: "Light theme", dark: "Dark theme" };

/** Let every theme button switch and show what is chosen. */
export function wireTheme() {
  document.addEventListener("click", (event) => {
    if (!(/** @type {Element} */ (event.target).closest('[data-act="theme"]'))) return;
    const next = ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length] ?? "auto";
    if (next === "auto") localStorage.removeItem("theme");
    else localStorage.setItem("theme", next);
    if (next === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    show();
  });
  show();
}

/** @returns {keyof typeof ICONS} */
function chosen() {
  const kept = localStorage.getItem("theme");
  return kept === "light" || kept === "dark" ? kept : "auto";
}

function show() {
  const theme = chosen();
  for (const button of document.querySelectorAll('[data-act="theme"]')) {
    swapIcon(button, ICONS[theme]);
    button.setAttribute("aria-label", NAMES[theme]);
    const label = button.querySelector("span");
    if (label) label.textContent = NAMES[theme];
  }
}
