// Windows of one browser: who leads greets who comes, and hears when his place was taken.
import assert from "node:assert/strict";
import { test } from "node:test";
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
