import assert from "node:assert/strict";
import { test } from "node:test";
import { QueueModel } from "../../../web/static/queue-model.js";

const item = (name) => ({ itemId: name, songId: name, title: name });
const names = (queue) => Array.from(queue.items, (one) => one?.itemId ?? "?").join("");
const filled = (letters, version = 1) => {
  const queue = new QueueModel();
  queue.take({ queueVersion: version, from: 0, length: letters.length, currentIndex: 0, items: [...letters].map(item) });
  return queue;
};
const change = (queueVersion, length, ...changes) => ({ queueVersion, length, reload: false, madeBy: null, changes });

test("changes apply one after the other", () => {
  const queue = filled("abcd");
  const outcome = queue.apply(change(2, 4, { op: "insert", index: 1, items: [item("x"), item("y")] }, { op: "remove", index: 0, itemId: "a" }, { op: "remove", index: 4, itemId: "d" }, { op: "move", itemId: "c", from: 3, to: 0 }));
  assert.equal(outcome, "done");
  assert.equal(names(queue), "cxyb");
});

test("what came before is old, what leaves one out is a gap", () => {
  const queue = filled("ab", 5);
  assert.equal(queue.apply(change(5, 2)), "old");
  assert.equal(queue.apply(change(7, 2)), "gap");
  assert.equal(queue.apply({ ...change(6, 2), reload: true }), "gap");
  assert.equal(names(queue), "ab");
});

test("a length that does not fit asks for the truth, all of it, until it is here", () => {
  const queue = filled("ab");
  assert.equal(queue.apply(change(2, 9, { op: "remove", index: 0, itemId: "a" })), "gap");
  assert.equal(queue.version, -1);
  assert.equal(queue.apply(change(3, 9)), "gap");
  queue.take({ queueVersion: 3, from: 0, length: 1, currentIndex: 0, items: [item("b")] });
  assert.equal(names(queue), "b");
});

test("windows of one version join, of another replace", () => {
  const queue = new QueueModel();
  queue.take({ queueVersion: 1, from: 2, length: 6, currentIndex: 0, items: [item("c"), item("d")] });
  queue.take({ queueVersion: 1, from: 4, length: 6, currentIndex: 0, items: [item("e")] });
  assert.equal(names(queue), "??cde?");
  queue.take({ queueVersion: 2, from: 0, length: 3, currentIndex: 0, items: [item("z")] });
  assert.equal(names(queue), "z??");
  assert.equal(queue.take({ queueVersion: 1, from: 0, length: 1, currentIndex: 0, items: [] }), false);
});

test("changes keep holes where they belong", () => {
  const queue = new QueueModel();
  queue.take({ queueVersion: 1, from: 5000, length: 10_000, currentIndex: 5000, items: [item("m")] });
  queue.apply(change(2, 10_001, { op: "insert", index: 0, items: [item("a")] }));
  assert.equal(queue.at(5001).itemId, "m");
  queue.apply(change(3, 10_001, { op: "move", itemId: "m", from: 5001, to: 9999 }));
  assert.equal(queue.at(9999).itemId, "m");
  assert.equal(queue.at(5001), undefined);
});

test("only what is in sight and unknown is asked for", () => {
  const queue = new QueueModel();
  queue.take({ queueVersion: 1, from: 0, length: 1000, currentIndex: 0, items: [..."abcdefghij"].map(item) });
  assert.equal(queue.missing(0, 10, 200), null);
  assert.deepEqual(queue.missing(5, 20, 200), { from: 10, limit: 200 });
  assert.deepEqual(queue.missing(950, 1100, 200), { from: 950, limit: 50 });
});
