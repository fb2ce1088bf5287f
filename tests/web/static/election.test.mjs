import assert from "node:assert/strict";
import { test } from "node:test";
import { Election } from "../../../web/static/election.js";

/** Windows that hear each other, as over a BroadcastChannel. */
function windows(...ids) {
  const all = ids.map((id) => {
    const one = { id, leads: 0, follows: 0 };
    one.election = new Election({
      id,
      random: () => 0,
      send: (message) => setTimeout(() => all.filter((other) => other !== one && !other.isGone).forEach((other) => other.election.hear(message)), 1),
      lead: () => (one.leads += 1),
      follow: () => (one.follows += 1),
    });
    return one;
  });
  return all;
}

const leading = (all) => all.filter((one) => !one.isGone && one.election.isLeading).map((one) => one.id);
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("of windows opened together one leads", async () => {
  const all = windows("b", "a", "c");
  all.forEach((one) => one.election.start());
  await wait(450);
  assert.deepEqual(leading(all), ["a"]);
  all.forEach((one) => one.election.stop());
});

test("who comes later follows", async () => {
  const all = windows("b", "a");
  all[0].election.start();
  await wait(400);
  all[1].election.start();
  await wait(400);
  assert.deepEqual(leading(all), ["b"]);
  all.forEach((one) => one.election.stop());
});

test("when the leader goes another takes over", async () => {
  const all = windows("a", "b");
  all.forEach((one) => one.election.start());
  await wait(400);
  all[0].election.stop();
  all[0].isGone = true;
  await wait(600);
  assert.deepEqual(leading(all), ["b"]);
  all[1].election.stop();
});

test("a window can take the lead", async () => {
  const all = windows("a", "b");
  all.forEach((one) => one.election.start());
  await wait(400);
  all[1].election.take();
  await wait(30);
  assert.deepEqual(leading(all), ["b"]);
  assert.equal(all[0].follows, 1);
  all.forEach((one) => one.election.stop());
});
