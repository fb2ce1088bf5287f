// What can be done with the songs on a page: play, add, like, delete; one listener for all rows.

import { call } from "./api.js";
import { navigate } from "./navigation.js";
import { icon, make, toast } from "./ui.js";

/**
 * @typedef {{wish: (method: string, params?: Record<string, unknown>) => Promise<any>, may: (right: import("./rights.js").Right) => boolean, play: (params: Record<string, unknown>) => Promise<any>,
 *   isCurrent: (songId: string) => boolean, toggle: () => void, undo: (text: string) => void, added: (text: string) => void, uploads: import("./upload.js").UploadManager}} Parts
 */

const AT_ONCE = 1000;
/** More than this nobody hears in a week. */
const MOST = 2000;

/** @type {Record<string, (parts: Parts, row: HTMLElement, button: HTMLElement) => unknown>} */
const ACTS = {
  play: (parts, row, button) => (parts.may("control") ? playOrToggle(parts, row) : ACTS.add?.(parts, row, button)),
  add: async ({ wish, added }, { dataset }) => (await wish("queue.add", { songIds: [dataset.songId], at: "end", source: dataset.source })) && added(`“${dataset.title}” is in the queue.`),
  menu: (parts, row, button) => openMenu(parts, row, button),
  "play-list": (parts, _row, button) => playAll(parts, button),
  "add-list": (parts, _row, button) => addAll(parts, button),
  choose: ({ uploads }) => uploads.choose(),
  "choose-folder": ({ uploads }) => uploads.choose({ folder: true }),
};

/** @param {Parts} parts @param {HTMLElement} row */
function playOrToggle({ play, isCurrent, toggle }, { dataset }) {
  return isCurrent(dataset.songId ?? "") ? toggle() : play({ songId: dataset.songId, source: dataset.source });
}

/** @param {Parts} parts */
export function wireRows(parts) {
  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
    if (!button || button.closest("play-queue")) return;
    const row = /** @type {HTMLElement} */ (button.closest("[data-song-id]") ?? button);
    ACTS[button.dataset.act ?? ""]?.(parts, row, button);
  });
}

/** The songs in sight. @param {HTMLElement} button */
function songsIn(button) {
  const list = document.querySelector(button.dataset.list ?? "#songs");
  return [...(list?.querySelectorAll("[data-song-id]:not(.is-off)") ?? [])].map((row) => /** @type {HTMLElement} */ (row).dataset.songId ?? "");
}

/** Play what is in sight at once, then let follow what a longer list still holds. @param {Parts} parts @param {HTMLElement} button */
async function playAll({ wish, play, undo }, button) {
  const songIds = songsIn(button).slice(0, AT_ONCE);
  const source = button.dataset.source ?? "queue";
  if (!songIds.length || !(await wish("queue.edit", { operations: [{ op: "replace", songIds, source }] }))) return;
  await play({});
  const rest = (await whole(button)).filter((songId) => !songIds.includes(songId));
  await addInParts(wish, rest, source);
  const count = songIds.length + rest.length;
  if (rest.length) toast(`Playing ${count} songs.`);
  else undo(count === 1 ? "Playing one song." : `Playing ${count} songs.`);
}

/** @param {Parts} parts @param {HTMLElement} button */
async function addAll({ wish, added }, button) {
  const songIds = songsIn(button);
  if (!(await addInParts(wish, songIds, button.dataset.source ?? "queue"))) return;
  added(songIds.length === 1 ? "One song added." : `${songIds.length} songs added.`);
}

/** A frame holds 64 KiB, so long lists go in parts. @param {Parts["wish"]} wish @param {string[]} songIds @param {string} source */
async function addInParts(wish, songIds, source) {
  for (let from = 0; from < songIds.length; from += AT_ONCE) {
    if (!(await wish("queue.add", { songIds: songIds.slice(from, from + AT_ONCE), at: "end", source }))) return false;
  }
  return songIds.length > 0;
}

/** Every song of a list that is shown in part only: `data-all` names where the whole is to be had. @param {HTMLElement} button */
async function whole(button) {
  /** @type {string[]} */
  const songIds = [];
  let cursor = "";
  while (button.dataset.all && songIds.length < MOST) {
    const page = await call("GET", `${button.dataset.all}&limit=200${cursor}`).catch(() => ({ items: [], nextCursor: null }));
    songIds.push(...page.items.filter((/** @type {any} */ song) => song.streamUrl).map((/** @type {any} */ song) => song.id));
    if (!page.nextCursor) return songIds;
    cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  return songIds;
}

/** @param {Parts} parts @param {HTMLElement} row @param {HTMLElement} button */
function openMenu(parts, row, button) {
  document.querySelector(".menu")?.remove();
  const { songId, albumId, artistId, title, source } = row.dataset;
  const isLiked = row.hasAttribute("data-liked");
  const entries = [
    parts.may("add") && entry("play-next", "Play next", async () => (await parts.wish("queue.add", { songIds: [songId], at: "next", source })) && parts.added(`“${title}” plays next.`)),
    parts.may("add") && entry("queue", "Add to queue", () => ACTS.add?.(parts, row, button)),
    artistId !== undefined && entry("heart", isLiked ? "No longer like" : "Like", () => like(row, !isLiked)),
    albumId && entry("disc", "Go to album", () => navigate.to(`/albums/${albumId}`)),
    artistId && entry("person", "Go to artist", () => navigate.to(`/artists/${artistId}`)),
    row.hasAttribute("data-mine") && entry("trash", "Delete", () => remove(row)),
  ];
  const menu = make("div", { class: "menu", role: "menu", popover: "auto" }, ...entries);
  document.body.append(menu);
  menu.addEventListener("toggle", (event) => /** @type {ToggleEvent} */ (event).newState === "closed" && menu.remove());
  menu.addEventListener("click", () => menu.hidePopover());
  menu.addEventListener("keydown", (event) => step(menu, event));
  menu.showPopover();
  place(menu, button);
  /** @type {HTMLElement | null} */ (menu.firstElementChild)?.focus();
}

/** @param {string} name @param {string} text @param {() => unknown} act */
function entry(name, text, act) {
  return make("button", { type: "button", role: "menuitem", onclick: act }, icon(name), text);
}

/** @param {HTMLElement} menu @param {KeyboardEvent} event */
function step(menu, event) {
  const all = /** @type {HTMLElement[]} */ ([...menu.children]);
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  all[(all.indexOf(/** @type {HTMLElement} */ (document.activeElement)) + by + all.length) % all.length]?.focus();
}

/** @param {HTMLElement} menu @param {HTMLElement} button */
function place(menu, button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  menu.style.left = `${Math.max(8, Math.min(innerWidth - width - 8, at.right - width))}px`;
  menu.style.top = `${at.bottom + height + 8 > innerHeight ? Math.max(8, at.top - height - 4) : at.bottom + 4}px`;
}

/** @param {HTMLElement} row @param {boolean} isLiked */
async function like(row, isLiked) {
  if (!(await tried(() => call(isLiked ? "POST" : "DELETE", `/me/liked/${row.dataset.songId}`)))) return;
  row.toggleAttribute("data-liked", isLiked);
  toast(isLiked ? `You like “${row.dataset.title}”.` : `“${row.dataset.title}” is no longer liked.`);
}

/** @param {HTMLElement} row */
async function remove(row) {
  const { songId, title } = row.dataset;
  if (!(await tried(() => call("DELETE", `/songs/${songId}`)))) return;
  row.remove();
  const restore = () => tried(() => call("POST", `/songs/${songId}/restore`)).then(() => navigate.refreshSoon());
  toast(`“${title}” was deleted.`, { actions: { Undo: restore }, forMs: 10_000 });
}

/** @param {() => Promise<unknown>} work @returns {Promise<boolean>} */
async function tried(work) {
  try {
    await work();
    return true;
  } catch (error) {
    toast(/** @type {Error} */ (error).message, { isBad: true });
    return false;
  }
}
