// A window that leads hears that its place was taken: mostly by another window of the same browser.
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

/** @returns {{line: Line, socket: Socket, told: [string, number][]}} */
function leading() {
  const socket = new Socket();
  const line = new Line(() => /** @type {any} */ (socket));
  line.channel?.close();
  line.channel = null;
  line.start();
  /** @type {[string, number][]} */
  const told = [];
  for (const name of ["down", "ended"]) {
    line.addEventListener(name, (event) => told.push([name, /** @type {CustomEvent} */ (event).detail.code]));
  }
  return { line, socket, told };
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
