// A page that comes back: what it sounds is said before a guess of the server is obeyed.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Clock } from "../../../web/static/clock.js";
import { isGuess, isSomebodyThere } from "../../../web/static/outage.js";
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

const report = { itemId: "a", positionMs: 10_000, state: "playing", version: 7, measuredAt: AT };
const away = () => new Refused({ code: -32000, message: "away", data: { status: 503 } });

/** A line that a test speaks on by hand; requests wait for their answer. */
class Line extends EventTarget {
  asked = [];
  isUp = false;
  request(method) {
    return new Promise((resolve, reject) => this.asked.push({ method, resolve, reject }));
  }
  /** The newest request of this kind. */
  last(method) {
    return this.asked.findLast((one) => one.method === method);
  }
  up() {
    this.isUp = true;
    this.tell("up", { serverTime: AT, user: { id: "u" } });
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
  line.up();
  store.reports.speakFirst(() => store.reports.send(report));
  return { line, store, said: line.last("device.report") };
}

/** A store whose page sounds, and whether the music stood still for a moment. */
function sounding() {
  const line = new Line();
  const store = new Store(line, new Clock());
  store.accept(playing);
  line.up();
  const seen = { silences: 0, spoken: 0, notices: 0 };
  store.addEventListener("player", () => (seen.silences += store.player.isPlaying ? 0 : 1));
  store.addEventListener("notice", () => (seen.notices += 1));
  store.addEventListener("speak", () => (seen.spoken += 1, store.reports.send(report)));
  return { line, store, seen };
}

/** Report that we play, and be told that a part of the server is away. */
async function beUnheard({ line, store }) {
  const told = store.reports.send(report);
  line.last("device.report").reject(away());
  await told;
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
  assert.deepEqual(line.asked.map((one) => one.method), ["device.report", "player.get"]);
  line.last("player.get").resolve({ ...playing, version: 9, positionMs: 25_000 });
  await soon();
  assert.equal(store.player.version, 9);
  assert.ok(!states.includes(false));
});

test("a guess that the server keeps to is obeyed", async () => {
  const { line, store, said } = comeBack();
  line.news("player.state", guess);
  said.resolve();
  await soon();
  line.last("player.get").resolve({ ...guess, version: 8 });
  await soon();
  assert.equal(store.player.isPlaying, false);
  assert.equal(store.player.version, 8);
});

test("a refusal settles it at once", async () => {
  const { line, store, said } = comeBack();
  line.news("player.state", guess);
  said.reject(new Refused({ code: -32000, message: "no", data: { status: 404 } }));
  await soon();
  assert.equal(store.player.isPlaying, false);
});

test("with the line up and a part of the server away, the guess that comes after it is answered and never obeyed", async () => {
  const page = sounding();
  const { line, store, seen } = page;
  await beUnheard(page);
  line.news("player.state", guess);
  assert.equal(seen.spoken, 1);
  line.last("device.report").resolve(null);
  await soon();
  line.last("player.get").resolve({ ...playing, version: 9, positionMs: 14_000 });
  await soon();
  assert.equal(store.player.version, 9);
  assert.deepEqual(seen, { silences: 0, spoken: 1, notices: 0 });
  line.news("player.state", { ...guess, version: 8 });
  assert.equal(seen.silences, 0, "what was announced before our word and comes after it is old");
  line.news("player.state", { ...guess, version: 10 });
  assert.equal(seen.silences, 1, "the doubt is over");
});

test("a guess that nobody took back is obeyed, once", async () => {
  const page = sounding();
  const { line, store, seen } = page;
  await beUnheard(page);
  line.news("player.state", guess);
  line.last("device.report").resolve(null);
  await soon();
  line.last("player.get").resolve({ ...guess, version: 8 });
  await soon();
  assert.equal(store.player.isPlaying, false);
  assert.deepEqual([seen.silences, seen.spoken], [1, 1]);
});

test("while our word is still refused the guess waits for the next one, however long", async () => {
  const page = sounding();
  const { line, store, seen } = page;
  await beUnheard(page);
  mock.timers.enable({ apis: ["setTimeout"] });
  line.news("player.state", guess);
  line.last("device.report").reject(away());
  await soon();
  mock.timers.tick(10_000);
  mock.timers.reset();
  assert.equal(seen.silences, 0);
  const told = store.reports.send(report);
  line.last("device.report").resolve(null);
  await soon();
  line.last("player.get").resolve({ ...playing, version: 9 });
  await told;
  assert.deepEqual([store.player.version, seen.silences], [9, 0]);
});

test("a word that is not answered leaves the same doubt as one that is refused", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { line, store, seen } = sounding();
  store.reports.send(report);
  mock.timers.tick(2100);
  line.news("player.state", guess);
  assert.deepEqual([store.player.isPlaying, seen.spoken], [true, 1]);
  mock.timers.reset();
});

test("that the part is back is reason enough to speak", async () => {
  const page = sounding();
  const { line, seen } = page;
  line.news("server.degraded", { parts: [] });
  assert.equal(seen.spoken, 0, "nothing was left unheard");
  await beUnheard(page);
  line.news("server.degraded", { parts: ["database"] });
  assert.equal(seen.spoken, 0);
  line.news("server.degraded", { parts: [] });
  assert.equal(seen.spoken, 1);
});

test("a word that was heard again, or that we do not play, leaves no doubt", async () => {
  const page = sounding();
  const { line, store } = page;
  await beUnheard(page);
  const heard = store.reports.send(report);
  line.last("device.report").resolve(null);
  await soon();
  line.last("player.get").resolve({ ...playing, version: 8 });
  await heard;
  const silent = store.reports.send({ ...report, state: "paused" });
  line.last("device.report").reject(away());
  await silent;
  line.news("player.state", { ...guess, version: 9 });
  assert.equal(store.player.isPlaying, false);
});

test("in every window of the browser the guess waits, and all hear how it stands", async () => {
  const page = sounding();
  const { line } = page;
  const other = new Store(line, new Clock());
  other.accept(playing);
  const silences = [];
  other.addEventListener("player", () => other.player.isPlaying || silences.push(other.player));
  await beUnheard(page);
  line.news("player.state", guess);
  line.last("device.report").resolve(null);
  await soon();
  line.last("player.get").resolve({ ...playing, version: 9 });
  await soon();
  assert.equal(other.player.version, 9);
  assert.deepEqual(silences, []);
});

test("a window that does not sound trusts the server at once", async () => {
  const page = sounding();
  const { line, store } = page;
  await beUnheard(page);
  store.addEventListener("speak", () => store.reports.trust());
  line.news("player.state", guess);
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
  line.isUp = false;
  line.tell("down", {});
  said.reject(new Away());
  await soon();
  assert.ok(store.player.isPlaying);
});

test("who was silent obeys at once", () => {
  const line = new Line();
  const store = new Store(line, new Clock());
  store.accept(playing);
  line.up();
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

const desk = { deviceId: "desk", isOnline: true, lastSeenAt: "2026-01-31T20:15:00.000Z" };
const lost = { ...guess, outputs: [{ deviceId: "desk" }], outputSeenAt: "2026-01-31T20:15:00.000Z" };

test("an output is there while its device is online", () => {
  const player = { ...playing, outputs: [{ deviceId: "desk" }] };
  assert.ok(isSomebodyThere(player, [desk]));
  assert.ok(!isSomebodyThere(player, [{ ...desk, isOnline: false }]));
  assert.ok(!isSomebodyThere(player, [{ ...desk, deviceId: "phone" }]));
});

test("one whose silence stopped the music is not, until it was seen again", () => {
  assert.ok(!isSomebodyThere(lost, [desk]));
  assert.ok(isSomebodyThere(lost, [{ ...desk, lastSeenAt: "2026-01-31T20:15:11.000Z" }]));
  assert.ok(isSomebodyThere({ ...lost, outputs: [...lost.outputs, { deviceId: "phone" }] }, [desk, { ...desk, deviceId: "phone", lastSeenAt: "2026-01-31T20:16:00.000Z" }]));
});

test("what was said of an earlier silence is over when an output has spoken since", () => {
  assert.ok(isSomebodyThere({ ...lost, outputSeenAt: "2026-01-31T20:20:00.000Z", anchoredAt: "2026-01-31T20:20:00.000Z" }, [desk]));
});
