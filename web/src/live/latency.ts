/** How long frames take from the browser to a pose on the screen. */

/** When what happened to a frame, by `performance.now()`. */
export interface FrameTimes {
  /** The picture was taken, or, of files, the frame was due. */
  taken: number;
  /** Its keypoints were found and went to the server. */
  sent: number;
  /** Its pose came. */
  answered: number;
  /** The screen shows it. */
  drawn: number;
}

/** Milliseconds from one step to the next. */
export interface Delays {
  keypoints: number;
  server: number;
  screen: number;
  total: number;
}

/** The shares below which half and nearly all frames are. */
export interface Spread {
  p50: number;
  p95: number;
}

const KEPT = 240;

/** The delays of the frames that were shown last. */
export class LatencyLog {
  private readonly kept: { at_s: number; delays: Delays }[] = [];

  add({ taken, sent, answered, drawn }: FrameTimes): void {
    const delays = { keypoints: sent - taken, server: answered - sent, screen: drawn - answered, total: drawn - taken };
    this.kept.push({ at_s: drawn / 1000, delays });
    if (this.kept.length > KEPT) this.kept.shift();
  }

  clear(): void {
    this.kept.length = 0;
  }

  /** Null before anything was shown. */
  spread(step: keyof Delays): Spread | null {
    const sorted = this.kept.map(({ delays }) => delays[step]).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
    return sorted.length > 0 ? { p50: at(0.5), p95: at(0.95) } : null;
  }

  /** Frames shown a second, of late. */
  rate(): number {
    const [first, last] = [this.kept[0], this.kept.at(-1)];
    return first && last && last !== first ? (this.kept.length - 1) / (last.at_s - first.at_s) : 0;
  }

  /** Seconds before the last frame, and milliseconds: until there were keypoints, until poses came, until they were drawn. */
  columns(): [number[], number[], number[], number[]] {
    const end_s = this.kept.at(-1)?.at_s ?? 0;
    return [
      this.kept.map(({ at_s }) => at_s - end_s),
      this.kept.map(({ delays }) => delays.keypoints),
      this.kept.map(({ delays }) => delays.keypoints + delays.server),
      this.kept.map(({ delays }) => delays.total),
    ];
  }
}
