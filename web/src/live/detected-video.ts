/** A playing video as a source: the detector looks at as many of its pictures as it can. */

import type { Person, PoseOptions } from "poselift";
import type { Crop } from "../clip/keypoints-drawing";
import { KEYPOINT_FORMAT, type Detector } from "../detector/detector";
import type { FrameSink, LiveSource } from "./source";

/** The detector scales pictures down anyway; smaller ones are quicker on their way to it. */
const LONGEST_SIDE = 640;
/** Between the end of a video and its repetition: longer than gaps that are filled. */
const PAUSE_S = 1;
/** A camera's picture may say that it was taken longer ago than it can have been. */
const OLDEST_MS = 1000;
const SMALLEST_STEP_S = 0.001;

export interface VideoPlan {
  title: string;
  video: HTMLVideoElement;
  fps: number;
  isMirror: boolean;
  /** Files have times of their own; a camera's pictures have those at which they were taken. */
  isFile: boolean;
  /** Whether to begin again at the end. */
  repeats: () => boolean;
  /** Free what the video plays. */
  release: () => void;
}

export class DetectedVideo implements LiveSource {
  readonly title: string;
  readonly options: PoseOptions;
  readonly crop: Crop;
  readonly video: HTMLVideoElement;
  readonly isMirror: boolean;
  private sink: FrameSink | null = null;
  private isStopped = false;
  private isLooking = false;
  private start_s = 0;
  private last_s = -Infinity;

  constructor(
    private readonly plan: VideoPlan,
    private readonly detector: Detector,
  ) {
    const { video, fps } = plan;
    this.title = plan.title;
    this.video = video;
    this.isMirror = plan.isMirror;
    this.crop = { x: 0, y: 0, width: video.videoWidth, height: video.videoHeight };
    this.options = { image_size: [video.videoWidth, video.videoHeight], fps, keypoint_format: KEYPOINT_FORMAT };
  }

  run(sink: FrameSink): void {
    const { video } = this;
    this.sink = sink;
    this.start_s = this.plan.isFile ? 0 : performance.now() / 1000;
    video.onended = () => this.ended(sink);
    video.onerror = () => this.fail(new Error(`${this.title} cannot be played on: ${video.error?.message ?? ""}`));
    this.expect(sink);
    this.play();
  }

  /** There will be no more pictures. */
  fail(error: unknown): void {
    if (!this.isStopped) this.sink?.fail(error);
  }

  stop(): void {
    this.isStopped = true;
    this.video.onended = this.video.onerror = null;
    this.video.pause();
    this.plan.release();
    this.detector.close();
  }

  private expect(sink: FrameSink): void {
    this.video.requestVideoFrameCallback((now, picture) => {
      if (this.isStopped) return;
      this.expect(sink);
      if (this.isLooking || !sink.hasRoom()) sink.skip();
      else void this.look(sink, takenAt(now, picture), picture.mediaTime);
    });
  }

  private async look(sink: FrameSink, taken_ms: number, mediaTime: number): Promise<void> {
    this.isLooking = true;
    try {
      const timestamp_s = this.timestamp(taken_ms, mediaTime);
      const { landmarks, picture } = await this.detector.detect(await scaled(this.video), 1 + timestamp_s * 1000);
      if (this.isStopped) picture.close();
      else sink.push({ people: this.people(landmarks), timestamp_s, taken_ms, picture });
    } catch (error) {
      this.fail(error);
    } finally {
      this.isLooking = false;
    }
  }

  /** Rounded to milliseconds; what is no later than the last one is. */
  private timestamp(taken_ms: number, mediaTime: number): number {
    const found = this.plan.isFile ? this.start_s + mediaTime : taken_ms / 1000 - this.start_s;
    this.last_s = Math.max(Math.round(found * 1000) / 1000, this.last_s + SMALLEST_STEP_S);
    return this.last_s;
  }

  private people(landmarks: Float32Array | null): Person[] {
    if (!landmarks) return [];
    const [width, height] = this.options.image_size;
    const rows = Array.from({ length: landmarks.length / 3 }, (_, i) => landmarks.subarray(i * 3, i * 3 + 3));
    const keypoints = rows.map(([x, y, score]) => [rounded(x! * width, 10), rounded(y! * height, 10), rounded(score!, 1000)]);
    return [{ track_id: "person", keypoints }];
  }

  private ended(sink: FrameSink): void {
    if (!this.plan.repeats()) return sink.end();
    this.start_s = this.last_s + PAUSE_S;
    this.video.currentTime = 0;
    this.play();
  }

  private play(): void {
    this.video.play().catch((error: unknown) => this.fail(error));
  }
}

function takenAt(now: number, { captureTime }: VideoFrameCallbackMetadata): number {
  return captureTime !== undefined && captureTime <= now && captureTime > now - OLDEST_MS ? captureTime : now;
}

function scaled(video: HTMLVideoElement): Promise<ImageBitmap> {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
  return createImageBitmap(video, {
    resizeWidth: Math.round(videoWidth * scale),
    resizeHeight: Math.round(videoHeight * scale),
  });
}

function rounded(value: number, steps: number): number {
  return Math.round(value * steps) / steps;
}
