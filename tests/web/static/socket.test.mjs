import assert from "node:assert/strict";
import { test } from "node:test";
import { Away, Refused, Socket, Versions, backOff, mayReturn, newId } from "../../../web/static/socket.js";

/** A server at the other end that a test moves by hand. */
function line() {
  const sockets = [];
  class Fake {
    constructor(url) {
      Object.assign(this, { url, sent: [], isClosed: false });
      sockets.push(this);
    }
    send(text) {
      this.sent.push(JSON.parse(text));
    }
    close() {
      this.isClosed = true;
    }
    hello() {
      this.say({ method: "session.hello", params: { protocol: 1 } });
    }
    say(message) {
      this.onmessage({ data: JSON.stringify({ jsonrpc: "2.0", ...message }) });
    }
    lose(code) {
      this.onclose({ code });
    }
  }
  const time = { now: 0 };
  const socket = new Socket("ws://here/socket", { WebSocket: Fake, random: () => 0, now: () => time.now });
  return { socket, sockets, time };
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 5));

test("the wait doubles up to half a minute and is spread over all of it", () => {
  assert.equal(backOff(0, 1), 500);
  assert.equal(backOff(3, 1), 4000);
  assert.equal(backOff(50, 1), 30_000);
  assert.equal(backOff(5, 0), 0);
  assert.equal(backOff(2, 0.5), 1000);
});

test("close codes from 4500 up mean stay away", () => {
  for (const code of [1000, 1006, 1012, 4001, 4002, 4499]) assert.ok(mayReturn(code), String(code));
  for (const code of [4500, 4501, 4504, 4999]) assert.ok(!mayReturn(code), String(code));
});

test("ids are version 4 UUIDs, also without randomUUID", () => {
  const own = crypto.randomUUID;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true, writable: true });
  const id = newId();
  Object.defineProperty(crypto, "randomUUID", { value: own, configurable: true, writable: true });
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.notEqual(newId(), newId());
});

test("nothing is sent before the server has greeted", async () => {
  const { socket, sockets } = line();
  socket.open();
  const answer = socket.request("player.get");
  assert.equal(sockets[0].sent.length, 0);
  sockets[0].hello();
  sockets[0].say({ id: sockets[0].sent[0].id, result: { version: 3 } });
  assert.deepEqual(await answer, { version: 3 });
});

test("what was not answered is asked again after a reconnect, with the same parameters", async () => {
  const { socket, sockets } = line();
  socket.open();
  sockets[0].hello();
  const answer = socket.request("player.pause", { commandId: "one" });
  sockets[0].lose(1006);
  await soon();
  sockets[1].hello();
  assert.deepEqual(sockets[1].sent[0].params, { commandId: "one" });
  sockets[1].say({ id: sockets[1].sent[0].id, result: {} });
  await answer;
});

test("what was answered is not asked again", async () => {
  const { socket, sockets } = line();
  socket.open();
  sockets[0].hello();
  const answer = socket.request("player.pause");
  sockets[0].say({ id: sockets[0].sent[0].id, result: {} });
  await answer;
  sockets[0].lose(1012);
  await soon();
  sockets[1].hello();
  assert.equal(sockets[1].sent.length, 0);
});

test("a passing question fails when the line breaks", async () => {
  const { socket, sockets } = line();
  socket.open();
  sockets[0].hello();
  const answer = socket.request("clock.ping", { t0: 1 }, { keep: false });
  sockets[0].lose(1006);
  await assert.rejects(answer, Away);
  socket.close();
});

test("an error brings the server's sentence", async () => {
  const { socket, sockets } = line();
  socket.open();
  sockets[0].hello();
  const answer = socket.request("player.next");
  sockets[0].say({ id: sockets[0].sent[0].id, error: { code: -32000, message: "no", data: { status: 409, detail: "The queue is empty." } } });
  await assert.rejects(answer, (error) => error instanceof Refused && error.message === "The queue is empty." && error.status === 409);
});

test("after 4500 it does not come back", async () => {
  const { socket, sockets } = line();
  let ended = 0;
  socket.addEventListener("ended", (event) => (ended = event.detail.code));
  socket.open();
  sockets[0].hello();
  sockets[0].lose(4500);
  await soon();
  assert.equal(ended, 4500);
  assert.equal(sockets.length, 1);
  await assert.rejects(socket.request("player.get"), Away);
});

test("a wish older than half a minute is given up", async () => {
  const { socket, time } = line();
  socket.open();
  const answer = socket.request("player.play");
  time.now = 30_001;
  socket.tick();
  await assert.rejects(answer, Away);
});

test("a socket that went silent is replaced", async () => {
  const { socket, sockets, time } = line();
  socket.open();
  sockets[0].hello();
  const answer = socket.request("player.get");
  time.now = 10_001;
  socket.tick();
  await soon();
  assert.ok(sockets[0].isClosed);
  sockets[1].hello();
  sockets[1].say({ id: sockets[1].sent[0].id, result: 1 });
  assert.equal(await answer, 1);
});

test("versions tell a gap from news and from what is old", () => {
  const versions = new Versions();
  assert.equal(versions.hear("player:1", 5), "new");
  assert.equal(versions.hear("player:1", 6), "new");
  assert.equal(versions.hear("player:1", 6), "new");
  assert.equal(versions.hear("player:1", 9), "gap");
  assert.equal(versions.hear("player:1", 7), "old");
  assert.equal(versions.hear("person:1", 100), "new");
  assert.ok(versions.isBehind("player:1", 10));
  assert.ok(!versions.isBehind("player:1", 9));
});

test("what has to be said first goes before the wishes that waited, and each once", () => {
  const { socket, sockets } = line();
  socket.open();
  socket.request("player.next");
  socket.addEventListener("up", () => socket.request("device.report", {}, { keep: false }));
  sockets[0].hello();
  assert.deepEqual(sockets[0].sent.map((one) => one.method), ["device.report", "player.next"]);
});

/** @param {{sent: {id: number}[], say: (message: object) => void}} at */
const answerAll = (at, from = 0) => at.sent.slice(from).forEach(({ id }) => at.say({ id, result: {} }));

test("what was kept is sent in order and not faster than a server lets a session speak", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, sockets, time } = line();
  socket.open();
  for (let turn = 0; turn < 60; turn += 1) socket.request("queue.add", { turn });
  sockets[0].hello();
  assert.equal(sockets[0].sent.length, 30);
  socket.request("player.pause", { turn: 60 });
  socket.request("device.report", {}, { keep: false });
  assert.equal(sockets[0].sent.length, 31, "what is asked once goes beside");
  for (let passed = 0; passed < 1000; passed += 50) {
    time.now += 50;
    context.mock.timers.tick(50);
  }
  assert.equal(sockets[0].sent.length, 51);
  for (let passed = 0; passed < 1000; passed += 50) {
    time.now += 50;
    context.mock.timers.tick(50);
  }
  const kept = sockets[0].sent.filter(({ method }) => method !== "device.report");
  assert.deepEqual(kept.map(({ params }) => params.turn), Array.from({ length: 61 }, (_, turn) => turn));
});

test("what waits for its turn when the line breaks again is sent once, after what went before it", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, sockets, time } = line();
  socket.open();
  for (let turn = 0; turn < 40; turn += 1) socket.request("queue.add", { turn });
  sockets[0].hello();
  answerAll(sockets[0]);
  sockets[0].lose(1006);
  context.mock.timers.tick(1);
  time.now += 10_000;
  sockets[1].hello();
  assert.deepEqual(sockets[1].sent.map(({ params }) => params.turn), [30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
  context.mock.timers.tick(1000);
  assert.equal(sockets[1].sent.length, 10);
});

test("after a close for speaking too fast nothing goes at once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, sockets, time } = line();
  socket.open();
  sockets[0].hello();
  for (let turn = 0; turn < 9; turn += 1) socket.request("queue.add", { turn });
  sockets[0].lose(4003);
  context.mock.timers.tick(1);
  sockets[1].hello();
  assert.equal(sockets[1].sent.length, 0);
  time.now += 50;
  context.mock.timers.tick(50);
  assert.equal(sockets[1].sent.length, 1);
});

test("haste tries at once, but not more than once a second", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { socket, sockets, time } = line();
  socket.random = () => 1;
  socket.attempt = 9;
  socket.open();
  sockets[0].lose(1006);
  const presses = (/** @type {number} */ forMs) => {
    for (let passed = 0; passed < forMs; passed += 100) {
      socket.hurry();
      time.now += 100;
      context.mock.timers.tick(100);
    }
  };
  presses(900);
  assert.equal(sockets.length, 1);
  presses(200);
  assert.equal(sockets.length, 2);
  sockets[1].lose(1006);
  presses(800);
  assert.equal(sockets.length, 2);
  time.now += 500; // a hidden page's timers run late
  socket.hurry();
  assert.equal(sockets.length, 3);
});
