/** Where live keypoints come from. */

import type { Person, PoseOptions } from "poselift";
import type { Crop } from "../clip/keypoints-drawing";

/** One frame, as it goes to the server. */
export interface SourceFrame {
  people: readonly Person[];
  /** Rises from frame to frame. */
  timestamp_s: number;
  /** When its picture was taken or, of files, when it was due: by `performance.now()`. */
  taken_ms: number;
  /** To be shown with the keypoints, and closed by who takes the frame. */
  picture: ImageBitmap | null;
}

/** What takes the frames of a source. */
export interface FrameSink {
  /** False while enough frames are on their way: such a frame must be skipped or wait, not be pushed. */
  hasRoom(): boolean;
  push(frame: SourceFrame): void;
  /** A picture was left out. */
  skip(): void;
  /** There are no more frames. */
  end(): void;
  fail(error: unknown): void;
}

/** A source that is open. It gives frames from `run` to `stop`, which frees what it holds. */
export interface LiveSource {
  title: string;
  options: PoseOptions;
  /** Which part of the picture is shown. */
  crop: Crop;
  /** What must be in the page to play, though it is not shown: pictures are, with their keypoints. */
  video: HTMLVideoElement | null;
  /** Whether people look at themselves in it, as in a mirror. */
  isMirror: boolean;
  run(sink: FrameSink): void;
  stop(): void;
}
