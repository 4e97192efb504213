/** What is known of joints: names, bones, and how a joint of a pose was seen. */

import type { LiftedClip } from "poselift";
import listed from "./formats.json";

/** A layout of 2D keypoints. */
export interface KeypointFormat {
  joints: readonly string[];
  /** Pairs of joints. */
  bones: readonly (readonly number[])[];
  /** For each joint of a pose, by its name, the joints that it rests on. */
  sources: Readonly<Record<string, readonly number[]>>;
}

export type JointState = "measured" | "filled" | "rejected" | "never" | "unknown";

/** What formats are called when a request names none. */
export const DEFAULT_FORMAT = "coco17";
export const FORMATS: Readonly<Record<string, KeypointFormat>> = listed;

const LETTERS: Readonly<Record<string, JointState>> = { m: "measured", f: "filled", r: "rejected", n: "never" };
/** A joint that rests on several is as good as the worst of them. */
const FROM_WORST = "nrfm";

export const STATE_WORDS: Readonly<Record<JointState, string>> = {
  measured: "measured",
  filled: "filled in",
  rejected: "rejected as an outlier, and filled in",
  never: "never seen: estimated from the rest",
  unknown: "unknown",
};

/** A joint's name in words. */
export function jointName(joint: string): string {
  return joint.replaceAll("_", " ");
}

/** How a joint of a pose was seen in a frame of the source. */
export function jointState(clip: LiftedClip, format: string | undefined, joint: string, frame: number): JointState {
  const letters = clip.joint_quality[frame - clip.first_frame];
  if (!letters || clip.quality[frame - clip.first_frame] === "unknown") return "unknown";
  const sources = FORMATS[format ?? DEFAULT_FORMAT]?.sources[joint] ?? [];
  if (sources.length === 0) return "never";
  const worst = [...FROM_WORST].find((letter) => sources.some((source) => letters[source] === letter));
  return LETTERS[worst ?? ""] ?? "unknown";
}

/** How a keypoint was seen in a frame of the source. */
export function keypointState(clip: LiftedClip | undefined, index: number, frame: number): JointState {
  const letters = clip?.joint_quality[frame - clip.first_frame];
  return LETTERS[letters?.[index] ?? ""] ?? "unknown";
}
