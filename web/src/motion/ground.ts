/** The ground under people's feet, of which a camera says nothing. */

import type { PersonMotion } from "./motion";

/** A point of the ground and the rotation (row by row) that turns its normal upwards. */
export interface Ground {
  origin: [number, number, number];
  rotation: number[];
}

/** How many frames support the ground's tilt as much as one metre of steps does: little movement, no tilt. */
const RIDGE_M2 = 0.15;
/** The lowest joint is the ankle's centre: so high it is above the sole. */
const ANKLE_HEIGHT_M = 0.08;
const LOW_SHARE = 0.25;
const ROUNDS = 6;

/**
 * The plane on which the lowest joints of all people stand.
 *
 * A camera that looks down sees people sink as they walk away; the plane is tilted as they do. Where
 * nobody moves about it stays level.
 */
export function levelled(people: readonly PersonMotion[], jointCount: number): Ground {
  const points = people.flatMap((person) => lowestJoints(person, jointCount));
  if (points.length === 0) return { origin: [0, 0, 0], rotation: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
  const [x, z] = [mean(points, 0), mean(points, 2)];
  const centred = points.map(([px, py, pz]): Point => [px - x, py, pz - z]);
  const plane = lowerPlane(centred);
  return { origin: [x, plane.height - ANKLE_HEIGHT_M, z], rotation: upright(plane.slopeX, plane.slopeZ) };
}

type Point = [number, number, number];

interface Plane {
  height: number;
  slopeX: number;
  slopeZ: number;
}

function lowestJoints(person: PersonMotion, jointCount: number): Point[] {
  const { joints, frameCount } = person;
  const lowest: Point[] = [];
  for (let frame = 0; frame < frameCount; frame++) {
    const first = frame * jointCount * 3;
    if (Number.isNaN(joints[first])) continue;
    let at = first;
    for (let i = first; i < first + jointCount * 3; i += 3) if (joints[i + 1]! < joints[at + 1]!) at = i;
    lowest.push([joints[at]!, joints[at + 1]!, joints[at + 2]!]);
  }
  return lowest;
}

/** A plane that most points are above: fitted again and again to those that lie low. */
function lowerPlane(points: readonly Point[]): Plane {
  let kept = points;
  let plane = fitted(points);
  for (let round = 0; round < ROUNDS; round++) {
    const above = points.map((point) => heightAbove(plane, point));
    const limit = [...above].sort((a, b) => a - b)[Math.floor(points.length * LOW_SHARE)]!;
    kept = points.filter((_, index) => above[index]! <= limit);
    plane = fitted(kept);
  }
  return plane;
}

function heightAbove(plane: Plane, [x, y, z]: Point): number {
  return y - plane.height - plane.slopeX * x - plane.slopeZ * z;
}

/** Least squares of y = height + slopeX x + slopeZ z, with a preference for level. */
function fitted(points: readonly Point[]): Plane {
  const [mx, my, mz] = [mean(points, 0), mean(points, 1), mean(points, 2)];
  let [xx, xz, zz, xy, zy] = [0, 0, 0, 0, 0];
  for (const [px, py, pz] of points) {
    const [x, y, z] = [px - mx, py - my, pz - mz];
    xx += x * x;
    xz += x * z;
    zz += z * z;
    xy += x * y;
    zy += z * y;
  }
  xx += RIDGE_M2 * points.length;
  zz += RIDGE_M2 * points.length;
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
