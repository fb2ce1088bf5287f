// <device-list>: where it plays, and where else it could.
// Events transfer, join, leave {deviceId}, delay {deviceId, delayMs}, rename {deviceId, name}.
// <clock-panel>: how well this device knows the common time.

import { fill, icon, make } from "./ui.js";

/** @typedef {import("./store.js").Device} Device */

class DeviceList extends HTMLElement {
  constructor() {
    super();
    this.key = "";
    this.maySteer = true;
    /** What came while somebody was using a slider or a field of the list. @type {Parameters<DeviceList["show"]> | null} */
    this.missed = null;
  }

  connectedCallback() {
    this.addEventListener("focusout", () => setTimeout(() => this.missed && this.show(...this.missed)));
  }

  /** @param {Device[]} devices @param {Player | null} player @param {string | null} own @param {boolean} [maySteer] else it is only to be looked at */
  show(devices, player, own, maySteer = true) {
    const outputs = new Map((player?.outputs ?? []).map((one) => [one.deviceId, one]));
    const shown = devices.filter((device) => device.canPlay && (device.isOnline || outputs.has(device.deviceId)));
    const key = JSON.stringify([shown, [...outputs.values()], player?.handoff, own, maySteer]);
    const isInUse = this.contains(document.activeElement?.closest("input") ?? null);
    this.missed = isInUse ? [devices, player, own, maySteer] : null;
    if (key === this.key || isInUse) return;
    this.key = key;
    this.maySteer = maySteer;
    const others = shown.filter((device) => !outputs.has(device.deviceId));
    const rows = shown
      .filter((device) => outputs.has(device.deviceId))
      .map((device) => this.#sounding(device, /** @type {OutputState} */ (outputs.get(device.deviceId)), outputs.size > 1, own));
    this.replaceChildren(
      make("div", { class: "stack" },
        rows.length ? make("div", { class: "stack stack-tight" }, ...rows) : make("p", { class: "muted" }, "Nothing plays anywhere yet."),
        others.length ? make("h3", {}, rows.length ? "Also there" : "Devices that are there") : null,
        ...others.map((device) => this.#silent(device, outputs.size > 0, player?.handoff?.to === device.deviceId, own)),
        this.#naming(shown.find((device) => device.deviceId === own))),
    );
  }

  /** Two browsers of one kind are told apart by a name. @param {Device | undefined} device */
  #naming(device) {
    if (!device || !this.maySteer) return null;
    const input = /** @type {HTMLInputElement} */ (make("input", { class: "input", value: device.name, maxlength: 80, required: true, "aria-label": "Name of this device" }));
    const form = make("form", { class: "row", "hx-boost": "false" }, make("span", { class: "grow" }, input), make("button", { class: "btn btn-small", type: "submit" }, "Save"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      event.stopPropagation();
      input.blur();
      this.#say("rename", { deviceId: device.deviceId, name: input.value.trim() });
    });
    return make("details", { class: "small" }, make("summary", { class: "muted" }, "Rename this device"), form);
  }

  /** @param {Device} device @param {OutputState} output @param {boolean} isParty @param {string | null} own */
  #sounding(device, output, isParty, own) {
    const state = !device.isOnline ? "Away" : isParty && !output.ready ? "Getting ready…" : isParty ? "In time with the others" : "Playing here";
    const row = make("div", { class: "device is-output" }, icon(iconOf(device)), named(device, saying(state, device, own)));
    if (!isParty || !this.maySteer) return row;
    row.append(this.#button("close", `Stop on ${device.name}`, "leave", device));
    return make("div", { class: "stack stack-tight" }, row, this.#delay(device, output));
  }

  /** @param {Device} device @param {boolean} isSomebodyPlaying @param {boolean} isComing @param {string | null} own */
  #silent(device, isSomebodyPlaying, isComing, own) {
    if (!this.maySteer) return make("div", { class: "device" }, icon(iconOf(device)), named(device, saying("Silent", device, own)));
    const move = make("button", { class: "item-main", type: "button", onclick: () => this.#say("transfer", { deviceId: device.deviceId }) },
      icon(iconOf(device)), named(device, saying(isComing ? "Getting ready…" : "Play here instead", device, own)));
    const row = make("div", { class: "device" }, move);
    if (isSomebodyPlaying) row.append(make("button", { class: "btn btn-small", type: "button", onclick: () => this.#say("join", { deviceId: device.deviceId }) }, "Play along"));
    return row;
  }

  /** @param {Device} device @param {OutputState} output */
  #delay(device, output) {
    const shown = make("span", { class: "nums small muted" }, `${output.delayMs} ms`);
    const input = /** @type {HTMLInputElement} */ (make("input", { class: "range", type: "range", min: -300, max: 300, step: 5, value: output.delayMs, "aria-label": `Sound earlier on ${device.name}` }));
    fill(input);
    input.addEventListener("input", () => ((shown.textContent = `${input.value} ms`), fill(input)));
    // A finger that lets go is done with it; who uses keys is not, after one of them.
    let byFinger = false;
    input.addEventListener("pointerdown", () => (byFinger = true));
    input.addEventListener("keydown", () => (byFinger = false));
    input.addEventListener("change", () => {
      if (byFinger) input.blur();
      this.#say("delay", { deviceId: device.deviceId, delayMs: Number(input.value) });
    });
    return make("label", { class: "row" }, make("span", { class: "small muted" }, "Earlier by"), make("span", { class: "grow" }, input), shown);
  }

  /** @param {string} name @param {string} label @param {string} event @param {Device} device */
  #button(name, label, event, device) {
    return make("button", { class: "btn btn-icon", type: "button", "aria-label": label, onclick: () => this.#say(event, { deviceId: device.deviceId }) }, icon(name));
  }

  /** @param {string} name @param {object} detail */
  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** @param {Device} device */
function iconOf(device) {
  if (device.kind === "phone" || device.kind === "tablet") return "phone";
  return device.kind === "computer" || device.kind === "browser" ? "laptop" : "speaker";
}

/** @param {Device} device @param {string} words */
function named(device, words) {
  return make("span", { class: "item-text" }, make("span", { class: "item-title" }, device.name), make("span", { class: "item-sub" }, words));
}

/** Below the name, where nothing is cut: a long name must not hide which one is this. @param {string} state @param {Device} device @param {string | null} own */
function saying(state, device, own) {
  return device.deviceId === own ? `This one · ${state}` : state;
}

class ClockPanel extends HTMLElement {
  connectedCallback() {
    this.offset = make("dd", {}, "measuring…");
    this.error = make("dd", {}, "–");
    this.roundTrip = make("dd", {}, "–");
    this.replaceChildren(
      make("details", { class: "small" }, make("summary", { class: "muted" }, "Common clock"),
        make("dl", { class: "facts" },
          make("dt", {}, "This clock is off by"), this.offset,
          make("dt", {}, "Known to within"), this.error,
          make("dt", {}, "There and back"), this.roundTrip)),
    );
  }

  /** What is believed, and by which music starts; nothing before an exchange was measured. @param {import("./clock.js").Clock} clock */
  show({ offset, errorMs, roundTrip }) {
    if (!this.offset || !this.error || !this.roundTrip || !Number.isFinite(errorMs)) return;
    // What a person calls his device's clock is the wall clock; the measured base is monotonic.
    const wall = offset + performance.now() - Date.now();
    this.offset.textContent = `${wall >= 0 ? "+" : "−"}${Math.abs(wall).toFixed(1)} ms`;
    this.error.textContent = `± ${errorMs.toFixed(1)} ms`;
    this.roundTrip.textContent = `${roundTrip.toFixed(1)} ms`;
  }
}

customElements.define("device-list", DeviceList);
customElements.define("clock-panel", ClockPanel);
