// The shapes that travel, as the server's own page of each slice documents them.

interface Item {
  itemId: string;
  songId: string;
  title: string;
  artist: string;
  album: string | null;
  /** 0 when unknown: such a song ends when its output says so. */
  durationMs: number;
  coverUrl: string | null;
  addedBy: { id: string; name: string } | null;
  source: string;
}

interface OutputState {
  deviceId: string;
  /** How much earlier it must sound than the others to be heard together with them. */
  delayMs: number;
  ready: boolean;
}

interface Handoff {
  to: string;
  delayMs: number;
  startsAt: string | null;
  deadline: string;
}

interface Notice {
  code: "song_skipped" | "device_not_ready" | "output_lost" | "no_output";
  at: string;
  title: string | null;
  deviceId: string | null;
}

type RepeatMode = "none" | "one" | "all";

interface Player {
  playerId: string;
  version: number;
  item: Item | null;
  next: Item | null;
  currentIndex: number;
  isPlaying: boolean;
  positionMs: number;
  /** May lie ahead: a start that was arranged. */
  anchoredAt: string;
  isShuffled: boolean;
  repeatMode: RepeatMode;
  volume: number;
  muted: boolean;
  outputs: OutputState[];
  handoff: Handoff | null;
  outputSeenAt: string | null;
  queueVersion: number;
  queueLength: number;
  notice: Notice | null;
  updatedAt: string;
}

interface Htmx {
  ajax(verb: string, path: string, how: object): Promise<void>;
  process(element: Element): void;
  trigger(element: Element, name: string): void;
}

declare var htmx: Htmx;

interface Window {
  /** From the swagger-ui bundle, on the page of the API's documents only. */
  SwaggerUIBundle: { (options: object): unknown; presets: { apis: unknown } };
}
