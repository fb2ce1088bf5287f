// Hears pulses in what passes by, in the context's own milliseconds.

const LOUD = 0.02;
const DEAF_MS = 5;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.deafUntil = 0;
  }

  process([input]) {
    const samples = input[0] ?? [];
    for (let index = 0; index < samples.length; index += 1) {
      if (Math.abs(samples[index]) < LOUD) continue;
      const at = ((currentFrame + index) / sampleRate) * 1000;
      if (at < this.deafUntil) continue;
      this.deafUntil = at + DEAF_MS;
      this.port.postMessage(at);
    }
    return true;
  }
}

registerProcessor("tap", Tap);
