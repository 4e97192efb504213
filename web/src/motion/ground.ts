/** The ground under people's feet, of which a camera says nothing. */

import type { PersonMotion } from "./motion";

/** A point of the ground and the rotation (row by row) that turns its normal upwards. */
export interface Ground {
  origin: [number, number, number];
  rotation: number[];
}

/** So much spread of feet, in square metres, supports a tilt as much as the belief that there is none. */
const RIDGE_M2 = 0.05;
/** The lowest joint is the ankle's centre: so high it is above the sole. */
const ANKLE_HEIGHT_M = 0.075;
/** Joints above the ground say so much less of where it is than joints below. */
const WEIGHT_ABOVE = 0.06;
/** So few frames may be below the ground. */
const SUNK_SHARE = 0.05;
/** With fewer measured frames those that were filled count as well. */
const LEAST_MEASURED_SHARE = 0.1;
const ROUNDS = 12;

/**
 * The plane on which the lowest joints of all people stand.
 *
 * A camera that looks down sees people sink as they walk away; the plane is tilted as they do. Where
 * no person moves about it stays level.
 */
export function levelled(people: readonly PersonMotion[], jointCount: number): Ground {
  const lowest = people.flatMap((person) => lowestJoints(person, jointCount));
  if (lowest.length === 0) return { origin: [0, 0, 0], rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
  const [x, z] = [mean(lowest, 0), mean(lowest, 2)];
  const centred = lowest.map(([px, py, pz]): Point => [px - x, py, pz - z]);
  const plane = lowerPlane(centred);
  const heights = centred.map((point) => heightAbove(plane, point));
  const sunk = Math.min(0, quantile(heights, SUNK_SHARE));
  return { origin: [x, plane.height + sunk - ANKLE_HEIGHT_M, z], rotation: upright(plane.slopeX, plane.slopeZ) };
}

type Point = [number, number, number];

interface Plane {
  height: number;
  slopeX: number;
  slopeZ: number;
}

/** The lowest joint of each frame. */
function lowestJoints({ joints, frameCount, clip }: PersonMotion, jointCount: number): Point[] {
  const known = [...Array(frameCount).keys()].filter((frame) => !Number.isNaN(joints[frame * jointCount * 3]));
  const measured = known.filter((frame) => clip.quality[frame] === "measured");
  const frames = measured.length >= LEAST_MEASURED_SHARE * known.length ? measured : known;
  return frames.map((frame) => {
    const first = frame * jointCount * 3;
    let at = first;
    for (let i = first; i < first + jointCount * 3; i += 3) if (joints[i + 1]! < joints[at + 1]!) at = i;
    return [joints[at]!, joints[at + 1]!, joints[at + 2]!];
  });
}

/** Asymmetric least squares: a plane that most points are above, as far as they are not outliers. */
function lowerPlane(points: readonly Point[]): Plane {
  let plane = fitted(points, points.map(() => 1));
  for (let round = 0; round < ROUNDS; round++) {
    plane = fitted(points, points.map((point) => (heightAbove(plane, point) > 0 ? WEIGHT_ABOVE : 1)));
  }
  return plane;
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))]!;
}

function heightAbove(plane: Plane, [x, y, z]: Point): number {
  return y - plane.height - plane.slopeX * x - plane.slopeZ * z;
}

/** Weighted least squares of y = height + slopeX x + slopeZ z, with a preference for level. */
function fitted(points: readonly Point[], weights: readonly number[]): Plane {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const average = (axis: 0 | 1 | 2): number => points.reduce((sum, point, i) => sum + weights[i]! * point[axis], 0) / total;
  const [mx, my, mz] = [average(0), average(1), average(2)];
  let [xx, xz, zz, xy, zy] = [RIDGE_M2 * total, 0, RIDGE_M2 * total, 0, 0];
  points.forEach(([px, py, pz], i) => {
    const [x, y, z, weight] = [px - mx, py - my, pz - mz, weights[i]!];
    xx += weight * x * x;
    xz += weight * x * z;
    zz += weight * z * z;
    xy += weight * x * y;
    zy += weight * z * y;
  });
  const determinant = xx * zz - xz * xz;
  const slopeX = (xy * zz - zy * xz) / determinant;
  const slopeZ = (zy * xx - xy * xz) / determinant;
  return { height: my - slopeX * mx - slopeZ * mz, slopeX, slopeZ };
}

function mean(points: readonly Point[], axis: 0 | 1 | 2): number {
  return points.reduce((sum, point) => sum + point[axis], 0) / points.length;
}

/** The shortest rotation from the normal of a sloping plane to (0, 1, 0). */
function upright(slopeX: number, slopeZ: number): number[] {
  const length = Math.hypot(slopeX, 1, slopeZ);
  const [nx, ny, nz] = [-slopeX / length, 1 / length, -slopeZ / length];
  const k = 1 / (1 + ny);
  return [1 - k * nx * nx, -nx, -k * nx * nz, nx, ny, nz, -k * nx * nz, -nz, 1 - k * nz * nz];
}
