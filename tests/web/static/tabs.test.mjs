// Windows of one browser: who leads greets who comes, and hears when his place was taken or the door was closed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Away } from "../../../web/static/socket.js";
import { Line } from "../../../web/static/tabs.js";

/** A socket as the line uses it. */
class Socket extends EventTarget {
  open() {}
  close() {}
  /** @param {string} name @param {unknown} detail */
  say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @returns {{line: Line, socket: Socket, told: [string, number][], hear: (message: object) => void}} */
function leading() {
  const socket = new Socket();
  const line = new Line(() => /** @type {any} */ (socket));
  const listener = /** @type {any} */ (line.channel?.onmessage);
  const hear = (/** @type {object} */ data) => listener({ data });
  line.channel?.close();
  line.channel = null;
  line.start();
  /** @type {[string, number][]} */
  const told = [];
  for (const name of ["down", "ended"]) {
    line.addEventListener(name, (event) => told.push([name, /** @type {CustomEvent} */ (event).detail.code]));
  }
  return { line, socket, told, hear };
}

test("an end is told at once", () => {
  const { socket, told } = leading();
  socket.say("down", { code: 4500 });
  socket.say("ended", { code: 4500 });
  assert.deepEqual(told, [["down", 4500], ["ended", 4500]]);
});

test("a place that another window took is no end", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { line, socket, told } = leading();
  socket.say("down", { code: 4505 });
  socket.say("ended", { code: 4505 });
  line.socket = null; // the other window leads: this one follows
  context.mock.timers.tick(1000);
  assert.deepEqual(told, []);
});

test("a place that a stranger took is one", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, told } = leading();
  socket.say("down", { code: 4505 });
  socket.say("ended", { code: 4505 });
  context.mock.timers.tick(1000);
  assert.deepEqual(told, [["down", 4505], ["ended", 4505]]);
});

test("a window that has just come is told which parts are away, until they are back", () => {
  const { line, socket, hear } = leading();
  /** @type {any[]} */
  const posted = [];
  const channel = { postMessage: (/** @type {any} */ message) => posted.push(message), close() {} };
  line.channel = /** @type {any} */ (channel);
  const comes = () => {
    posted.length = 0;
    hear({ kind: "join" });
    return posted.map(({ name, detail }) => [name, detail.params?.parts ?? detail.sessionId]);
  };
  const away = { method: "server.degraded", params: { parts: ["redis"] } };
  socket.say("up", { sessionId: "one" });
  assert.deepEqual(comes(), [["up", "one"]]);
  socket.say("news", away);
  assert.deepEqual(comes(), [["up", "one"], ["news", ["redis"]]]);
  socket.say("news", { method: "player.state", params: {} });
  assert.deepEqual(comes(), [["up", "one"], ["news", ["redis"]]]);
  socket.say("down", {});
  assert.deepEqual(comes(), []);
  socket.say("up", { sessionId: "two" });
  assert.deepEqual(comes(), [["up", "two"]]);
});

/** A window that follows, over a channel that a test speaks on; `free` says whether it waits for the lead. */
function following() {
  const line = new Line(() => /** @type {any} */ (new Socket()));
  const listener = /** @type {any} */ (line.channel?.onmessage);
  line.channel?.close();
  /** @type {any[]} */
  const posted = [];
  line.channel = /** @type {any} */ ({ postMessage: (/** @type {any} */ message) => posted.push(message) });
  const steps = { start: 0, stop: 0 };
  line.election = /** @type {any} */ ({ start: () => (steps.start += 1), stop: () => (steps.stop += 1), hear() {}, doubt() {} });
  const tell = (/** @type {string} */ name, /** @type {unknown} */ detail) => listener({ data: { kind: "event", name, detail } });
  return { line, posted, steps, tell, hear: (/** @type {object} */ data) => listener({ data }) };
}

test("who leads and was sent away for good gives the lead back once all have heard of it", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { line, socket } = leading();
  let stops = 0;
  line.election = /** @type {any} */ ({ stop: () => (stops += 1), doubt() {} });
  socket.say("ended", { code: 4504 });
  assert.ok(!line.isLeading);
  assert.equal(stops, 0);
  context.mock.timers.tick(1000);
  assert.equal(stops, 1);
  await assert.rejects(line.request("player.play"), Away);
});

test("who follows does not try by himself after the end, and speaks again through a window that got through", async () => {
  const { line, steps, tell } = following();
  tell("up", { sessionId: "one" });
  tell("ended", { code: 4505 });
  assert.deepEqual(steps, { start: 0, stop: 1 });
  await assert.rejects(line.request("player.play"), Away);
  tell("up", { sessionId: "two" });
  assert.deepEqual(steps, { start: 1, stop: 1 });
  assert.ok(line.isUp);
});

test("the end of another window's socket is none of who leads by now", () => {
  const { line, told, hear } = leading();
  hear({ kind: "event", name: "ended", detail: { code: 4505 } });
  assert.deepEqual(told, []);
  assert.ok(line.isLeading);
});

test("who follows asks the one who leads to hurry", () => {
  const { line, posted } = following();
  line.hurry();
  assert.deepEqual(posted, [{ kind: "hurry" }]);
  const { socket, hear } = leading();
  let hurries = 0;
  Object.assign(socket, { hurry: () => (hurries += 1) });
  hear({ kind: "hurry" });
  assert.equal(hurries, 1);
});

test("what a window asks again while it is being asked for is asked once", async () => {
  const { socket, hear } = leading();
  /** @type {string[]} */
  const asked = [];
  Object.assign(socket, { request: async (/** @type {string} */ method) => asked.push(method) });
  const ask = { kind: "ask", tab: "other", id: 1, method: "player.next", params: {}, keep: true };
  hear(ask);
  hear(ask);
  hear({ ...ask, id: 2 });
  assert.equal(asked.length, 2);
});
