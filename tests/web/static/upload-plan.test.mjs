import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCEPTED, fingerprint, headline, isFinal, missing, pause, range, received, refusal } from "../../../web/static/upload-plan.js";

const file = (name, size = 10, type = "") => ({ name, size, type, lastModified: 1 });

test("chunks cover the file without a gap, the last one shorter", () => {
  assert.deepEqual(range(0, 8, 20), { start: 0, end: 8 });
  assert.deepEqual(range(2, 8, 20), { start: 16, end: 20 });
});

test("only what is missing is sent", () => {
  assert.deepEqual(missing(5, [3, 0]), [1, 2, 4]);
  assert.deepEqual(missing(2, [0, 1]), []);
});

test("what is no music, empty or too large is told apart", () => {
  assert.equal(refusal(file("song.FLAC"), ACCEPTED, 100), null);
  assert.equal(refusal(file("song", 10, "audio/mpeg"), ACCEPTED, 100), null);
  assert.equal(refusal(file("letter.pdf"), ACCEPTED, 100), "type");
  assert.equal(refusal(file("song.mp3", 0), ACCEPTED, 100), "empty");
  assert.equal(refusal(file("song.mp3", 101), ACCEPTED, 100), "size");
  assert.equal(refusal(file("._song.mp3"), ACCEPTED, 100), "hidden");
});

test("a busy server is asked when it said, a broken line later and later", () => {
  assert.equal(pause(0, 7, 0), 7000);
  assert.equal(pause(0, 0, 1), 500);
  assert.equal(pause(3, 0, 1), 4000);
  assert.equal(pause(30, 0, 1), 30_000);
  assert.equal(pause(3, 0, 0), 2000);
});

test("received bytes count the short last chunk as what it is", () => {
  assert.equal(received([0, 2], 8, 20), 12);
});

test("the same file is known again, a changed one is not", () => {
  assert.equal(fingerprint(file("a.mp3")), fingerprint(file("a.mp3")));
  assert.notEqual(fingerprint(file("a.mp3")), fingerprint(file("a.mp3", 11)));
});

const files = (...stages) => stages.map((stage) => ({ stage, isOver: ["ready", "failed", "cancelled", "expired"].includes(stage) }));

test("the headline tells what was added apart from what failed", () => {
  assert.equal(headline(files("ready", "uploading", "waiting")), "Adding 2 of 3");
  assert.equal(headline(files(...Array(10).fill("ready"), "failed")), "10 added, 1 failed");
  assert.equal(headline(files("failed")), "That did not work");
  assert.equal(headline(files("failed", "expired")), "2 files failed");
  assert.equal(headline(files("ready", "cancelled")), "Ready to play");
  assert.equal(headline(files("ready", "ready")), "2 songs are ready");
  assert.equal(headline(files("cancelled")), "Cancelled");
});

test("what lies in the file is final, what lies in the moment is not", () => {
  assert.ok(["not_audio", "too_long", "file_too_large"].every(isFinal));
  assert.ok(!["", "bytes_lost", "wrong_digest", "gave_up", "quota_used_up", "unavailable"].some(isFinal));
});
