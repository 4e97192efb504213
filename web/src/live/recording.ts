/** What is kept of a stream while it is recorded. */

import type { Clip, FramePoses, Keypoints, LiftRequest, PoseOptions, SessionOptions, Skeleton } from "poselift";
import type { SourceFrame } from "./source";

/** A frame that went to the server, and what came back, if it did. */
export interface RecordedFrame {
  frame: Pick<SourceFrame, "people" | "timestamp_s">;
  answer: FramePoses | null;
}

/** Ten minutes and more at 30 frames a second; a server takes no more than a few times as many at once. */
const MOST_FRAMES = 20_000;

export class Recording {
  private readonly frames: RecordedFrame[] = [];

  constructor(
    readonly title: string,
    /** Of the keypoints. */
    readonly options: PoseOptions,
    /** With which they were lifted live. */
    private readonly live: SessionOptions,
  ) {}

  get frameCount(): number {
    return this.frames.length;
  }

  get isFull(): boolean {
    return this.frames.length >= MOST_FRAMES;
  }

  get duration_s(): number {
    const [first, last] = [this.frames[0], this.frames.at(-1)];
    return first && last ? last.frame.timestamp_s - first.frame.timestamp_s : 0;
  }

  /** Keep a frame; what is returned takes its answer. */
  add({ people, timestamp_s }: SourceFrame): RecordedFrame {
    const recorded = { frame: { people, timestamp_s }, answer: null };
    this.frames.push(recorded);
    return recorded;
  }

  /** The keypoints, a clip a person, to be lifted as clips are: with all frames known, better than live. */
  request(): LiftRequest {
    const ids = new Set(this.frames.flatMap(({ frame }) => frame.people.map(({ track_id }) => track_id!)));
    return { ...this.options, fps: this.rate(), clips: [...ids].map((id) => this.clip(id)) };
  }

  /** Everything as it went and came, for programs. */
  text(skeleton: Skeleton | null): string {
    const frames = this.frames.map(({ frame: { people, timestamp_s }, answer }) => ({ timestamp_s, keypoints: people, poses: answer }));
    return JSON.stringify({ ...this.live, skeleton, frames });
  }

  private clip(id: string): Clip {
    const keypoints = this.frames.map(({ frame }): Keypoints => frame.people.find(({ track_id }) => track_id === id)?.keypoints ?? null);
    const first = keypoints.findIndex((each) => each !== null);
    const end = keypoints.findLastIndex((each) => each !== null) + 1;
    const times = this.frames.slice(first, end).map(({ frame }) => frame.timestamp_s);
    return { id, first_frame: first, keypoints: keypoints.slice(first, end), timestamps_s: times };
  }

  /** Frames a second, by the median step between frames. */
  private rate(): number {
    const times = this.frames.map(({ frame }) => frame.timestamp_s);
    const steps = times.slice(1).map((time, index) => time - times[index]!).sort((a, b) => a - b);
    const median = steps[Math.floor(steps.length / 2)];
    return median ? Math.round(100 / median) / 100 : (this.options.fps ?? 30);
  }
}
