// What the person is told without asking: the line is down, a song was skipped, the browser wants a tap, the visit is over.

import { keepSaying, make, stopSaying, toast } from "./ui.js";

const NOTICES = {
  song_skipped: (/** @type {Notice} */ notice) => `“${notice.title ?? "A song"}” cannot be played and was skipped.`,
  device_not_ready: () => "That device was not ready in time. The music stays where it is.",
  output_lost: () => "The device that played went away, so the music stands still.",
  no_output: () => "No device started to play.",
};
/** A break that heals sooner is nobody's business. */
const BLINK_MS = 800;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;

/** @param {Notice} notice */
export function tellNotice(notice) {
  // Here the word that asks for a tap says it better.
  if (notice.code === "device_not_ready" && document.getElementById("listen")) return;
  toast(NOTICES[notice.code]?.(notice) ?? notice.code, { isBad: notice.code !== "song_skipped" });
}

/** How it stands with the line; `hello` is null as long as it never came up. @param {{isUp: boolean, isSlow: boolean, hello: unknown}} line */
export function tellConnection({ isUp, isSlow, hello }) {
  clearTimeout(waiting);
  if (isUp) say(isSlow ? "A part of the server is away. Changes may take a moment." : "");
  else waiting = setTimeout(() => say(hello ? "Reconnecting…" : "Connecting…"), BLINK_MS);
}

/** At the top of the page until something else is said; nothing takes it away. @param {string} text */
function say(text) {
  const banner = document.getElementById("offline");
  const words = banner?.querySelector("span");
  if (!banner || !words) return;
  banner.hidden = !text;
  words.textContent = text;
}

/** The browser wants a tap before it sounds, or has had it. @param {boolean} isBlocked */
export function tellBlocked(isBlocked) {
  const known = document.getElementById("listen");
  if (!isBlocked && known) stopSaying(known);
  if (!isBlocked || known) return;
  const button = make("button", { class: "btn btn-primary", type: "button", "data-act": "listen" }, "Tap to play here");
  keepSaying(make("div", { class: "listen", id: "listen", role: "alert" }, make("span", { class: "grow" }, "Your browser wants a tap before it plays."), button));
}

/** @type {Record<number, string>} */
const ENDS = {
  4504: "Too many windows of Tutti are open. Close some and reload this one.",
  4505: "Tutti goes on in another window of this browser. Reload this one to use it here.",
};

/** The server closed the door for good: nobody is reconnecting, and it is said for as long as that is so. @param {number} code */
export function tellEnd(code) {
  clearTimeout(waiting);
  const done = document.body.dataset.role === "guest" ? "visit" : "ended";
  if (code === 4500 || code === 4502 || code === 4503) location.assign(`/login?done=${done}&next=${encodeURIComponent(location.pathname + location.search)}`);
  else say(ENDS[code] ?? "This page is out of date. Please reload it.");
}
