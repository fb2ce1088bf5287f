// A page that comes back: what it sounds is said before a guess of the server is obeyed.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Clock } from "../../../web/static/clock.js";
import { isGuess } from "../../../web/static/outage.js";
import { Away, Refused } from "../../../web/static/socket.js";
import { Store } from "../../../web/static/store.js";

const AT = "2026-01-31T20:15:10.000Z";
const item = { itemId: "a", songId: "s", title: "Blue in Green", durationMs: 300_000 };
const playing = {
  playerId: "p", version: 7, item, next: null, currentIndex: 0, isPlaying: true, positionMs: 0, anchoredAt: "2026-01-31T20:15:00.000Z",
  outputs: [], handoff: null, queueVersion: -1, repeatMode: "none", notice: null,
};
const guess = { ...playing, isPlaying: false, positionMs: 10_000, anchoredAt: AT, notice: { code: "output_lost", at: AT } };
const paused = { ...playing, version: 8, isPlaying: false, positionMs: 4000, anchoredAt: "2026-01-31T20:15:04.000Z" };

/** A line that a test speaks on by hand; requests wait for their answer. */
class Line extends EventTarget {
  asked = [];
  request(method) {
    return new Promise((resolve, reject) => this.asked.push({ method, resolve, reject }));
  }
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
  news(method, params) {
    this.tell("news", { method, params });
  }
}

const soon = () => new Promise((resolve) => setImmediate(resolve));

/** A store that knew the music to play when the line came up again. */
function comeBack() {
  const line = new Line();
  const store = new Store(line, new Clock());
  store.accept(playing);
  const said = deferred();
  line.tell("up", { serverTime: AT, user: { id: "u" } });
  store.speakFirst(() => said.promise);
  return { line, store, said };
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

test("only a pause that nobody made is a guess", () => {
  assert.ok(isGuess(guess));
  assert.ok(!isGuess(paused));
  assert.ok(!isGuess({ ...guess, isPlaying: true }));
  assert.ok(!isGuess({ ...guess, anchoredAt: "2026-01-31T20:15:11.000Z" }), "somebody sought since");
  assert.ok(!isGuess({ ...guess, notice: { code: "song_skipped", at: AT } }));
});

test("the guess in the opening is not obeyed when the server believes what it hears", async () => {
  const { line, store, said } = comeBack();
  const states = [];
  store.addEventListener("player", () => states.push(store.player.isPlaying));
  line.news("player.state", guess);
  assert.ok(store.player.isPlaying);
  said.resolve();
  await soon();
  assert.deepEqual(line.asked.map((one) => one.method), ["player.get"]);
  line.asked[0].resolve({ ...playing, version: 9, positionMs: 25_000 });
  await soon();
  assert.equal(store.player.version, 9);
  assert.ok(!states.includes(false));
});

test("a guess that the server keeps to is obeyed", async () => {
  const { line, store, said } = comeBack();
  line.news("player.state", guess);
  said.resolve();
  await soon();
  line.asked[0].resolve({ ...guess, version: 8 });
  await soon();
  assert.equal(store.player.isPlaying, false);
  assert.equal(store.player.version, 8);
});

test("a refusal settles it at once", async () => {
  const { line, store, said } = comeBack();
  line.news("player.state", guess);
  said.reject(new Refused({ code: -32000, message: "no" }));
  await soon();
  assert.equal(store.player.isPlaying, false);
});

test("a pause that somebody made counts at once", () => {
  const { line, store } = comeBack();
  line.news("player.state", paused);
  assert.equal(store.player.isPlaying, false);
});

test("without an answer the guess holds after two seconds", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { line, store } = comeBack();
  line.news("player.state", guess);
  mock.timers.tick(1900);
  assert.ok(store.player.isPlaying);
  mock.timers.tick(200);
  assert.equal(store.player.isPlaying, false);
  mock.timers.reset();
});

test("a line that breaks again takes the guess with it", async () => {
  const { line, store, said } = comeBack();
  line.news("player.state", guess);
  line.tell("down", {});
  said.reject(new Away());
  await soon();
  assert.ok(store.player.isPlaying);
});

test("who was silent obeys at once", () => {
  const line = new Line();
  const store = new Store(line, new Clock());
  store.accept(playing);
  line.tell("up", { serverTime: AT, user: { id: "u" } });
  line.news("player.state", guess);
  assert.equal(store.player.isPlaying, false);
});

test("a pause while the server is away holds in every window of this browser", () => {
  const line = new Line();
  const windows = [new Store(line, new Clock()), new Store(line, new Clock())];
  for (const one of windows) one.accept(playing);
  windows[1].pauseHere();
  assert.deepEqual(windows.map((one) => one.player.isPlaying), [false, false]);
});
