// The picture of the player: what was missed is asked for, and what was asked for is not older than what was told.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Clock } from "../../../web/static/clock.js";
import { Refused } from "../../../web/static/socket.js";
import { Store } from "../../../web/static/store.js";

const AT = "2026-01-31T20:15:10.000Z";
const item = (name) => ({ itemId: name, songId: name, title: name, durationMs: 300_000 });
const state = (version, queueVersion) => ({
  playerId: "p", version, item: item("a"), next: null, currentIndex: 0, isPlaying: true, positionMs: 0, anchoredAt: AT,
  outputs: [], handoff: null, queueVersion, repeatMode: "none", notice: null, updatedAt: AT,
});
const whole = (queueVersion, letters) => ({ queueVersion, from: 0, length: letters.length, currentIndex: 0, items: [...letters].map(item) });
const change = (version, queueVersion, length, ...changes) => ({ topic: "player:p", version, queueVersion, length, reload: false, madeBy: null, changes });
const names = (store) => Array.from(store.queue.items, (one) => one?.itemId ?? "?").join("");

class Line extends EventTarget {
  asked = [];
  isUp = false;
  request(method, params) {
    return new Promise((resolve, reject) => this.asked.push({ method, params, resolve, reject }));
  }
  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
  news(method, params) {
    this.tell("news", { method, params });
  }
}

/** A store that was greeted and knows a queue; `turn` lets time pass. */
function greeted(context) {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const line = new Line();
  const store = new Store(line, new Clock());
  line.isUp = true;
  line.tell("up", { serverTime: AT, user: { id: "u" } });
  line.news("player.state", state(1, 1));
  line.news("queue.state", whole(1, "ab"));
  const turn = async (ms = 30) => {
    for (let passed = 0; passed <= ms; passed += 10) {
      context.mock.timers.tick(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { line, store, turn };
}

test("a gap that is noticed while the queue is asked for is asked for after it", async (context) => {
  const { line, store, turn } = greeted(context);
  await turn();
  line.asked.length = 0;
  line.news("player.state", { topic: "player:p", ...state(3, 3) });
  await turn();
  const [first] = line.asked.filter((one) => one.method === "queue.get");
  line.news("player.state", { topic: "player:p", ...state(4, 5) });
  await turn();
  assert.equal(line.asked.filter((one) => one.method === "queue.get").length, 1);
  first.resolve(whole(3, "abc"));
  await turn();
  const [, second] = line.asked.filter((one) => one.method === "queue.get");
  assert.deepEqual(second.params, { since: 3 });
  second.resolve(whole(5, "abcde"));
  await turn();
  assert.equal(names(store), "abcde");
});

test("a change that does not come out at its length asks for the whole queue", async (context) => {
  const { line, store, turn } = greeted(context);
  await turn();
  line.asked.length = 0;
  line.news("queue.changed", change(2, 2, 9, { op: "remove", index: 0, itemId: "a" }));
  line.news("player.state", { topic: "player:p", ...state(2, 2) });
  await turn();
  const [asked] = line.asked.filter((one) => one.method === "queue.get");
  assert.deepEqual(asked?.params, {});
  asked.resolve(whole(2, "bcdefghij"));
  await turn();
  assert.equal(names(store), "bcdefghij");
});

test("what a part that is away refused is asked for again when the time has come", async (context) => {
  const { line, store, turn } = greeted(context);
  await turn();
  line.asked.length = 0;
  line.news("player.state", { topic: "player:p", ...state(2, 2) });
  await turn();
  line.asked[0].reject(new Refused({ code: -32000, message: "away", data: { status: 503 } }));
  await turn(600);
  assert.equal(line.asked.length, 2);
  line.asked[1].resolve(whole(2, "b"));
  await turn();
  assert.equal(names(store), "b");
});

const desk = (name) => ({ deviceId: "d", name });

test("an answer that tells the devices of an earlier version than the news did is not believed", async (context) => {
  const { line, store, turn } = greeted(context);
  line.news("topic.changed", { topic: "player:p", version: 5 });
  await turn();
  const asked = line.asked.find((one) => one.method === "device.list");
  line.news("devices.changed", { topic: "player:p", version: 7, devices: [desk("new")] });
  asked.resolve({ version: 6, devices: [desk("old")] });
  await turn();
  assert.equal(store.devices[0].name, "new");
});

test("an answer without a version is believed", async (context) => {
  const { line, store, turn } = greeted(context);
  line.news("devices.changed", { topic: "player:p", version: 2, devices: [desk("old")] });
  line.news("topic.changed", { topic: "player:p", version: 5 });
  await turn();
  line.asked.find((one) => one.method === "device.list").resolve({ devices: [desk("new")] });
  await turn();
  assert.equal(store.devices[0].name, "new");
});

test("when the line is told to be up again, no part is said to be away", (context) => {
  const { line, store } = greeted(context);
  line.news("server.degraded", { parts: ["database"] });
  line.tell("down", {});
  const told = [];
  store.addEventListener("connection", () => told.push([store.isUp, store.isSlow]));
  line.tell("up", { serverTime: AT, user: { id: "u" } });
  assert.deepEqual(told, [[true, false]]);
});

test("what was wished is shown at once, the newest wish last, and what was refused is gone again", async (context) => {
  const { store } = greeted(context);
  const answers = [];
  const wish = (repeatMode) => store.foresee({ repeatMode }, () => new Promise((...ways) => answers.push(ways)));
  const [first, second] = [wish("all"), wish("one")];
  assert.deepEqual([store.now.repeatMode, store.player.repeatMode], ["one", "none"]);
  answers[0][0]();
  await first;
  assert.equal(store.now.repeatMode, "one");
  answers[1][1](new Error("no"));
  await assert.rejects(second);
  assert.equal(store.now.repeatMode, "none");
});

test("how loud this device sounds follows the wish, what it sounds follows the server", (context) => {
  const { store } = greeted(context);
  store.foresee({ volume: 0.2, muted: false, repeatMode: "one" }, () => new Promise(() => {}));
  const { volume, muted, repeatMode, version } = store.sounding;
  assert.deepEqual({ volume, muted, repeatMode, version }, { volume: 0.2, muted: false, repeatMode: "none", version: 1 });
});

test("what is changed here while the server is away holds until the server says something", (context) => {
  const { line, store } = greeted(context);
  line.tell("down", {});
  store.changeHere({ volume: 0.1 });
  assert.equal(store.player.volume, 0.1);
  line.tell("up", { serverTime: AT, user: { id: "u" } });
  line.news("player.state", { ...state(1, 1), volume: 0.8 });
  assert.equal(store.player.volume, 0.8);
});
