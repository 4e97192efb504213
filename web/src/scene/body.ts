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
}

/** On which side of the body a joint is, by its name. */
export function sideOf(joint: string): Side {
  if (/(^|_)left(_|$)/.test(joint)) return "left";
  return /(^|_)right(_|$)/.test(joint) ? "right" : "middle";
}

const THIN_M = 0.035;

/** Radii of the bones of Human3.6M's skeleton, by the joints' names without their side. */
const RADII: Readonly<Record<string, readonly [number, number]>> = {
  "hip hip": [0.085, 0.085],
  "hip knee": [0.08, 0.052],
  "knee foot": [0.052, 0.036],
  "hip spine": [0.1, 0.105],
  "spine thorax": [0.105, 0.1],
  "thorax neck": [0.06, 0.05],
  "neck head": [0.085, 0.1],
  "thorax shoulder": [0.075, 0.06],
  "shoulder elbow": [0.05, 0.04],
  "elbow wrist": [0.04, 0.028],
};
/** What fills the trunk between the bones. */
const FILLING: readonly (readonly [string, string, number, number])[] = [
  ["left_hip", "left_shoulder", 0.08, 0.065],
  ["right_hip", "right_shoulder", 0.08, 0.065],
];

/** The capsules of a skeleton: a bone each, and a trunk where it has hips and shoulders. */
export function limbsOf({ joints, parents }: Skeleton): Limb[] {
  const bones = parents.flatMap((parent, child): Limb[] => {
    if (parent < 0) return [];
    const [a, b] = [joints[parent]!, joints[child]!];
    const [startRadius, endRadius] = RADII[`${bare(a)} ${bare(b)}`] ?? [THIN_M, THIN_M];
    const isTrunk = sideOf(a) === "middle";
    return [{ from: parent, to: child, startRadius, endRadius, side: isTrunk ? "middle" : sideOf(b) }];
  });
  const filling = FILLING.flatMap(([a, b, startRadius, endRadius]): Limb[] => {
    const [from, to] = [joints.indexOf(a), joints.indexOf(b)];
    return from < 0 || to < 0 ? [] : [{ from, to, startRadius, endRadius, side: "middle" }];
  });
  return [...bones, ...filling];
}

function bare(joint: string): string {
  return joint.replace(/(left|right)_/, "");
}
