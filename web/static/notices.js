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

/** @param {{isUp: boolean, isSlow: boolean}} line */
export function tellConnection({ isUp, isSlow }) {
  clearTimeout(waiting);
  const text = isUp ? "A part of the server is away. Changes may take a moment." : "Reconnecting…";
  const say = () => {
    const banner = document.getElementById("offline");
    if (!banner) return;
    banner.hidden = isUp && !isSlow;
    const words = banner.querySelector("span");
    if (words) words.textContent = text;
  };
  if (isUp) say();
  else waiting = setTimeout(say, BLINK_MS);
  document.body.classList.toggle("is-offline", !isUp);
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

/** The server closed the door for good. @param {number} code */
export function tellEnd(code) {
  const done = document.body.dataset.role === "guest" ? "visit" : "ended";
  if (code === 4500 || code === 4502 || code === 4503) location.assign(`/login?done=${done}&next=${encodeURIComponent(location.pathname + location.search)}`);
  else toast(ENDS[code] ?? "This page is out of date. Please reload it.", { isBad: true, forMs: 60_000 });
}
