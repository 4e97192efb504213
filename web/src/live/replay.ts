/** Keypoints of a file, sent as fast as they were recorded. */

import type { LiftRequest, Person, PoseOptions } from "poselift";
import { cropTo, inPixels, type Crop } from "../clip/keypoints-drawing";
import { timeOf, timingOf, type Timing } from "../motion/timing";
import type { FrameSink, LiveSource } from "./source";

/** Between the end and the repetition: longer than gaps that are filled, so that people begin afresh. */
const PAUSE_S = 1;
/** What time at most goes on between two pictures of the screen: a hidden page stands still. */
const LONGEST_STEP_S = 0.25;

/** Every clip of a lift request at once. Where the server cannot take frames, time waits: no frame is left out. */
export class Replay implements LiveSource {
  readonly options: PoseOptions;
  readonly crop: Crop;
  readonly video = null;
  readonly isMirror = false;
  private readonly clips: LiftRequest["clips"];
  private readonly timing: Timing;
  private pending = 0;
  private frame: number;
  private clock_s = 0;
  private start_s = 0;
  private last_s = 0;

  constructor(
    readonly title: string,
    given: LiftRequest,
    private readonly repeats: () => boolean,
  ) {
    const { clips, ...options } = inPixels(given);
    this.options = liveOptions(options);
    this.clips = clips;
    this.crop = cropTo(clips, given.image_size);
    this.timing = timingOf(given);
    this.frame = this.timing.first;
  }

  run(sink: FrameSink): void {
    let last = performance.now();
    const tick = (now: number): void => {
      this.pending = requestAnimationFrame(tick);
      this.clock_s += Math.min(LONGEST_STEP_S, (now - last) / 1000);
      last = now;
      this.send(sink, now);
    };
    this.pending = requestAnimationFrame(tick);
  }

  stop(): void {
    cancelAnimationFrame(this.pending);
  }

  private send(sink: FrameSink, now: number): void {
    while (this.due() <= this.clock_s) {
      if (!sink.hasRoom()) {
        this.clock_s = this.due();
        return;
      }
      this.last_s = this.due();
      sink.push({ people: this.people(), timestamp_s: this.last_s, taken_ms: now - (this.clock_s - this.last_s) * 1000, picture: null });
      if (++this.frame > this.timing.last && !this.again()) {
        this.stop();
        return sink.end();
      }
    }
  }

  private again(): boolean {
    if (!this.repeats()) return false;
    this.frame = this.timing.first;
    this.start_s = this.last_s + PAUSE_S;
    return true;
  }

  private due(): number {
    return this.start_s + timeOf(this.timing, this.frame);
  }

  private people(): Person[] {
    return this.clips.flatMap(({ id, keypoints, first_frame = 0 }, index) => {
      const found = keypoints[this.frame - first_frame];
      return found ? [{ track_id: id ?? `person ${index + 1}`, keypoints: found }] : [];
    });
  }
}

/** What of a request's options a session has too. The model is the server's for sessions. */
function liveOptions(options: Omit<LiftRequest, "clips">): PoseOptions {
  const { model: _, flip_augmentation: __, constant_bone_lengths: ___, ground_contact: ____, ...shared } = options;
  return shared;
}
