/** What the page and the detector's worker tell each other. */

/** How much work the detector makes of a picture. */
export type Accuracy = "lite" | "full";

/** A picture and what was found in it. */
export interface Detection {
  /** x, y in shares of the picture and visibility of each landmark, one after the other; null without a person. */
  landmarks: Float32Array<ArrayBuffer> | null;
  picture: ImageBitmap;
}

export type ToWorker =
  | { type: "load"; solutionUrl: string; files: Readonly<Record<string, string>>; accuracy: Accuracy; usesGpu: boolean }
  | { type: "detect"; picture: ImageBitmap; timestamp_ms: number };

export type FromWorker =
  | { type: "loaded" }
  | { type: "detected"; found: Detection }
  | { type: "failed"; reason: string };
