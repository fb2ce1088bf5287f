// A picture that has a gap is asked for until it is whole.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Asking } from "../../../web/static/asking.js";
import { Away, Refused } from "../../../web/static/socket.js";

const soon = () => new Promise((resolve) => setImmediate(resolve));
const refused = (status) => new Refused({ code: -32000, message: "no", data: { status } });

/** Questions that a test answers by hand, on a line that it holds up. */
function asking() {
  const line = { isUp: true };
  const asked = [];
  const question = () => new Promise((resolve, reject) => asked.push({ resolve, reject }));
  return { line, asked, question, asking: new Asking({ isUp: () => line.isUp, random: () => 1 }) };
}

test("several reasons in one moment ask once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { asking: all, asked, question } = asking();
  for (let reason = 0; reason < 3; reason += 1) all.soon("queue", question);
  context.mock.timers.tick(30);
  assert.equal(asked.length, 1);
});

test("what is noticed while an answer is under way is asked when it is there, once however often it was noticed", async () => {
  const { asking: all, asked, question } = asking();
  all.ask("player", question);
  all.ask("player", question);
  all.ask("player", question);
  assert.equal(asked.length, 1);
  asked[0].resolve();
  await soon();
  assert.equal(asked.length, 2);
  asked[1].resolve();
  await soon();
  assert.equal(asked.length, 2);
});

test("the newest wish is the one that is asked, and another kind does not wait for it", async () => {
  const { asking: all, asked, question } = asking();
  const windows = [];
  all.ask("window", question);
  for (const from of [100, 200]) all.ask("window", () => (windows.push(from), null));
  all.ask("devices", question);
  assert.equal(asked.length, 2);
  asked[0].resolve();
  await soon();
  assert.deepEqual(windows, [200]);
});

test("what a part that is away could not answer is asked again, later and later", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { asking: all, asked, question } = asking();
  all.ask("queue", question);
  for (const [count, waitMs] of [500, 1000, 2000].entries()) {
    asked[count].reject(refused(count === 1 ? 429 : 503));
    await soon();
    context.mock.timers.tick(waitMs - 1);
    await soon();
    assert.equal(asked.length, count + 1);
    context.mock.timers.tick(1);
    await soon();
    assert.equal(asked.length, count + 2);
  }
  asked[3].resolve();
  await soon();
  context.mock.timers.tick(60_000);
  await soon();
  assert.equal(asked.length, 4);
});

test("with the line down nobody asks again: when it comes up all is told anew", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { asking: all, line, asked, question } = asking();
  all.ask("queue", question);
  asked[0].reject(refused(503));
  await soon();
  line.isUp = false;
  context.mock.timers.tick(60_000);
  await soon();
  assert.equal(asked.length, 1);
  line.isUp = true;
  all.ask("queue", question);
  assert.equal(asked.length, 2);
});

test("a refusal for good, and a line that broke, are the end of it", async () => {
  const { asking: all, asked, question } = asking();
  for (const [count, error] of [refused(403), new Away()].entries()) {
    all.ask("queue", question);
    asked[count].reject(error);
    await soon();
    assert.equal(asked.length, count + 1);
  }
});
