/** Which capsules a body is made of. */

import type { Skeleton } from "poselift";

export type Side = "left" | "right" | "middle";

/** One capsule: from a joint to another, with its radius in metres at either end. */
export interface Limb {
  from: number;
  to: number;
  startRadius: number;
  endRadius: number;
  side: Side;
  /** As wide as these two joints lie, so many times as wide as deep. */
  across?: { from: number; to: number; ratio: number };
}

/** On which side of the body a joint is, by its name. */
export function sideOf(joint: string): Side {
  if (/(^|_)left(_|$)/.test(joint)) return "left";
  return /(^|_)right(_|$)/.test(joint) ? "right" : "middle";
}

const THIN_M = 0.035;

/** Radii of the bones of Human3.6M's skeleton, by the joints' names without their side. */
const RADII: Readonly<Record<string, readonly [number, number]>> = {
  "hip hip": [0.08, 0.08],
  "hip knee": [0.086, 0.056],
  "knee foot": [0.054, 0.042],
  "hip spine": [0.094, 0.09],
  "spine thorax": [0.091, 0.08],
  "thorax neck": [0.05, 0.05],
  "neck head": [0.074, 0.08],
  "thorax shoulder": [0.066, 0.06],
  "shoulder elbow": [0.054, 0.042],
  "elbow wrist": [0.042, 0.032],
};
/** Parts of the trunk are wider than deep: across the hips or the shoulders. */
const WIDE: Readonly<Record<string, readonly [string, number]>> = {
  "hip spine": ["hip", 1.55],
  "spine thorax": ["shoulder", 1.62],
};

/** The capsules of a skeleton: one for each bone. */
export function limbsOf({ joints, parents }: Skeleton): Limb[] {
  return parents.flatMap((parent, child): Limb[] => {
    if (parent < 0) return [];
    const [a, b] = [joints[parent]!, joints[child]!];
    const bone = `${bare(a)} ${bare(b)}`;
    const [startRadius, endRadius] = RADII[bone] ?? [THIN_M, THIN_M];
    const isTrunk = sideOf(a) === "middle";
    const across = WIDE[bone] && between(joints, ...WIDE[bone]);
    return [{ from: parent, to: child, startRadius, endRadius, side: isTrunk ? "middle" : sideOf(b), ...(across && { across }) }];
  });
}

function between(joints: readonly string[], joint: string, ratio: number): Limb["across"] {
  const [from, to] = [joints.indexOf(`right_${joint}`), joints.indexOf(`left_${joint}`)];
  return from < 0 || to < 0 ? undefined : { from, to, ratio };
}

function bare(joint: string): string {
  return joint.replace(/(left|right)_/, "");
}
