import assert from "node:assert/strict";
import { test } from "node:test";
import { nameOf } from "../../../web/static/here.js";
import { bytes, duration, tint } from "../../../web/static/ui.js";

test("durations read as people say them", () => {
  assert.equal(duration(187_900), "3:07");
  assert.equal(duration(3_723_000), "1:02:03");
  assert.equal(duration(0), "0:00");
});

test("sizes have a sensible unit", () => {
  assert.equal(bytes(820_000), "820 kB");
  assert.equal(bytes(9_400_000), "9.4 MB");
  assert.equal(bytes(2_147_483_648), "2.1 GB");
});

test("a title keeps its colour, the same that the server gives it", () => {
  assert.equal(tint("Clair de lune"), 4);
  assert.equal(tint("Águas de Março"), 2);
  assert.equal(tint(""), tint("?"));
});

test("a device is called by browser and system", () => {
  assert.equal(nameOf("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile Safari/604.1"), "Safari on iPhone");
  assert.equal(nameOf("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"), "Chrome on Android");
  assert.equal(nameOf("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"), "Firefox on Linux");
});
