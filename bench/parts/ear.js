// Put into a page before its own scripts: taps what the page sounds. TAP is the text of tap.js.

/** What was heard at each place: pulses in the context's milliseconds, and which of these was when. */
const ears = {};
const EVERY_MS = 50;

/** Tap what leaves a node of a context, beside where it goes anyway. */
globalThis.listen = async (name, context, ...nodes) => {
  const ear = (ears[name] = { pulses: [], stamps: [] });
  await context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: "text/javascript" })));
  const tap = new AudioWorkletNode(context, "tap");
  tap.port.onmessage = ({ data }) => ear.pulses.push(data);
  for (const node of nodes) node.connect(tap);
  tap.connect(context.createMediaStreamDestination());
  setInterval(() => {
    const { contextTime, performanceTime } = context.getOutputTimestamp();
    if (contextTime) ear.stamps.push([contextTime * 1000, performance.timeOrigin + performanceTime]);
  }, EVERY_MS);
};

/** Let audio elements sound through a context of their own, and tap that. */
globalThis.listenToElements = async (name, ...elements) => {
  const context = new AudioContext({ latencyHint: "playback" });
  const nodes = elements.map((element) => context.createMediaElementSource(element));
  for (const node of nodes) node.connect(context.destination);
  await globalThis.listen(name, context, ...nodes);
};

/** Tap the party as soon as it has a context. */
globalThis.listenToParty = async () => {
  while (!globalThis.tutti.output.party.volume) await new Promise((resolve) => setTimeout(resolve, 5));
  const { context, volume } = globalThis.tutti.output.party;
  await globalThis.listen("party", context, volume);
};

/** What was heard since the last time. The stamps of the last seconds stay: they still tell of what comes. */
globalThis.heard = (name) => {
  const { pulses, stamps } = ears[name];
  const taken = { pulses: pulses.splice(0), stamps: [...stamps] };
  stamps.splice(0, stamps.length - 40);
  return taken;
};
