import assert from "node:assert/strict";
import { test } from "node:test";
import { Election } from "../../../web/static/election.js";

/** Windows that hear each other, as over a BroadcastChannel; one that is asleep hears everything later, in order. */
function windows(...ids) {
  const all = ids.map((id) => {
    const one = { id, leads: 0, follows: 0, isAsleep: false, missed: [] };
    one.hear = (message) => (one.isAsleep ? one.missed.push(message) : one.election.hear(message));
    one.wake = () => {
      one.isAsleep = false;
      one.missed.splice(0).forEach((message) => one.election.hear(message));
    };
    one.election = new Election({
      id,
      random: () => 0,
      send: (message) => setTimeout(() => all.filter((other) => other !== one && !other.isGone).forEach((other) => other.hear(message)), 1),
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

for (const [sleeper, other] of ["ab", "ba"]) {
  test(`of ${sleeper}, which slept while it led, and ${other}, which took the lead meanwhile, the later one leads`, async () => {
    const [one, later] = windows(sleeper, other);
    one.election.start();
    await wait(400);
    one.isAsleep = true;
    later.election.start();
    await wait(400);
    assert.deepEqual(leading([one, later]), [sleeper, other]);
    one.wake();
    await wait(30);
    assert.deepEqual(leading([one, later]), [other]);
    assert.deepEqual([one.follows, later.follows], [1, 0]);
    [one, later].forEach((each) => each.election.stop());
  });
}

test("who doubts his lead gives way to whoever leads, whatever their clocks say", async () => {
  const [one, later] = windows("a", "b");
  one.election.start();
  await wait(400);
  one.isAsleep = true;
  later.election.start();
  await wait(400);
  one.missed = [];
  one.election.since = later.election.since + 60_000;
  one.isAsleep = false;
  one.election.doubt();
  await wait(30);
  assert.deepEqual(leading([one, later]), ["b"]);
  [one, later].forEach((each) => each.election.stop());
});

test("who doubts his lead and is alone goes on", async () => {
  const [one] = windows("a");
  one.election.start();
  await wait(400);
  one.election.doubt();
  await wait(30);
  assert.deepEqual([one.election.isLeading, one.follows], [true, 0]);
  one.election.stop();
});

test("who has stopped takes no part until he starts again", async () => {
  const [one, other] = windows("a", "b");
  for (const each of [one, other]) each.election.start();
  await wait(400);
  other.election.stop();
  one.election.stop();
  await wait(600);
  assert.deepEqual(leading([one, other]), []);
  other.election.start();
  await wait(400);
  assert.deepEqual(leading([one, other]), ["b"]);
  other.election.stop();
});
