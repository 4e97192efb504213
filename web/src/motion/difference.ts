/** How far two answers to the same clips are apart. */

import type { LiftedClip, Skeleton } from "poselift";

/** Do both have the same joints? */
export function isComparable({ joints }: Skeleton, other: Skeleton): boolean {
  return joints.length === other.joints.length && joints.every((joint, index) => joint === other.joints[index]);
}

/** The mean distance of one person's joints relative to the root, in millimetres, frame by frame of the clip; null where a pose is unknown. */
export function differences(one: LiftedClip, other: LiftedClip): (number | null)[] {
  return one.poses.map((pose, frame) => {
    const against = other.poses[frame];
    if (!pose || !against) return null;
    const sum = pose.reduce((total, joint, index) => total + Math.hypot(...joint.map((value, axis) => value - against[index]![axis]!)), 0);
    return (1000 * sum) / pose.length;
  });
}

/** The mean of what is known; null of nothing. */
export function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
