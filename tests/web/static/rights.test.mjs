import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.MutationObserver = class {};
const { Rights, neededFor } = await import("../../../web/static/rights.js");

test("each command takes the right that the server asks for", () => {
  const wanted = {
    "player.play": "control", "player.seek": "control", "player.transfer": "control", "queue.add": "add", "queue.undo": "add", "queue.redo": "add",
    "queue.edit": "control", "queue.clear": "control", "output.add": "control", "device.change": "control", "player.get": "see", "queue.get": "see",
    "device.register": "see", "device.list": "see",
  };
  for (const [method, right] of Object.entries(wanted)) assert.deepEqual(neededFor(method), [right], method);
  assert.deepEqual(neededFor("player.change", { volume: 0.5 }), ["volume"]);
  assert.deepEqual(neededFor("player.change", { muted: true }), ["volume"]);
  assert.deepEqual(neededFor("player.change", { isShuffled: true }), ["control"]);
  assert.deepEqual(neededFor("player.change", { volume: 1, repeatMode: "all" }), ["control", "volume"]);
  assert.deepEqual(neededFor("player.change", { isShuffled: false, muted: false }), ["control", "volume"]);
});

test("loudness and order together are for who may do both", () => {
  globalThis.document = { getElementById: () => null };
  const allows = (...given) => {
    const rights = new Rights({ role: "guest" });
    rights.given = given;
    return rights.allows("player.change", { volume: 1, isShuffled: true });
  };
  assert.ok(allows("see", "control", "volume"));
  assert.ok(!allows("see", "control"));
  assert.ok(!allows("see", "volume"));
});

test("a guest may nothing before the server has said what; everybody else is at his own player", () => {
  assert.deepEqual(["see", "add", "control", "volume"].filter((right) => new Rights({ role: "guest" }).may(right)), ["see"]);
  assert.ok(new Rights({ role: "member" }).may("control"));
});
