/** Tapered capsules, all of them in one draw call, and their shadows in another. */

import {
  BufferAttribute,
  BufferGeometry,
  type Color,
  DynamicDrawUsage,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  Vector3,
} from "three";
import type { Limb } from "./body";
import { SUN } from "./light";

/** Which way a capsule is wide, and how many times as wide as deep. */
export interface Width {
  x: number;
  y: number;
  z: number;
  ratio: number;
}

/** As wide as deep: then the way does not matter. */
const ROUND: Width = { x: 0, y: 0, z: 0, ratio: 1 };
const AROUND = 16;
/** From an end to where it is straight. */
const RINGS = 5;
const ABOVE_GROUND_M = 0.004;

/** Which of a capsule's corners are connected: every so many around it, and which rings. */
interface Fineness {
  step: number;
  rings: readonly number[];
}

const FINE: Fineness = { step: 1, rings: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] };
const COARSE: Fineness = { step: 2, rings: [0, 2, 4, 5, 7, 9] };
const SHADOW: Fineness = { step: 2, rings: [1, 4, 5, 8] };

/**
 * Capsules from one point to another, each with a radius at either end and a colour.
 *
 * Their corners are computed here, not by a shader for every instance: without a graphics card an
 * instance costs as much as a draw call.
 */
export class Limbs {
  readonly mesh: Mesh<BufferGeometry, MeshLambertMaterial>;
  /** What the capsules throw on the ground. */
  readonly shadow: Mesh<BufferGeometry, MeshBasicMaterial>;
  private readonly unit = unitCapsule();
  private readonly fine = new BufferGeometry();
  private readonly coarse = new BufferGeometry();
  private readonly positions: BufferAttribute;
  private readonly normals: BufferAttribute;
  private readonly colours: BufferAttribute;
  private readonly axis = new Vector3();
  private readonly wide = new Vector3();
  private readonly deep = new Vector3();
  private count = 0;

  constructor(readonly capacity: number) {
    this.positions = this.attribute("position");
    this.normals = this.attribute("normal");
    this.colours = this.attribute("color");
    this.fine.setIndex(triangles(capacity, FINE));
    this.coarse.setIndex(triangles(capacity, COARSE));
    this.mesh = new Mesh(this.fine, new MeshLambertMaterial({ vertexColors: true }));
    this.shadow = new Mesh(new BufferGeometry().setIndex(triangles(capacity, SHADOW)), new MeshBasicMaterial());
    this.shadow.geometry.setAttribute("position", this.positions);
    this.shadow.matrixAutoUpdate = false;
    this.shadow.matrix.copy(THROWN);
    // Its bounds change with every picture.
    this.mesh.frustumCulled = this.shadow.frustumCulled = false;
  }

  /** Forget all capsules. */
  clear(): void {
    this.count = 0;
  }

  /** Add a limb between joints, of which x, y and z follow each other; there may be as many as `capacity`. */
  add(joints: Float32Array, limb: Limb, colour: Color, width: Width = ROUND): void {
    this.lay(joints, limb, width);
    const first = this.count++ * this.unit.length;
    this.unit.forEach((corner, index) => this.place(first + index, corner, joints, limb, width.ratio, colour));
  }

  /** Show what was added, with many corners or with few. */
  commit(isFine: boolean): void {
    this.mesh.geometry = isFine ? this.fine : this.coarse;
    for (const each of [this.mesh, this.shadow]) {
      each.geometry.setDrawRange(0, (this.count * each.geometry.index!.count) / this.capacity);
      each.visible = this.count > 0;
    }
    for (const each of [this.positions, this.normals, this.colours]) {
      each.clearUpdateRanges();
      each.addUpdateRange(0, this.count * this.unit.length * 3);
      each.needsUpdate = true;
    }
  }

  /** Free what the graphics card holds. */
  dispose(): void {
    for (const each of [this.fine, this.coarse, this.shadow.geometry, this.mesh.material, this.shadow.material]) each.dispose();
  }

  /** The directions along a limb, across it where it is wide, and across both. */
  private lay(joints: Float32Array, { from, to }: Limb, { x, y, z }: Width): void {
    const { axis, wide, deep } = this;
    const [start, end] = [from * 3, to * 3];
    axis.set(joints[end]! - joints[start]!, joints[end + 1]! - joints[start + 1]!, joints[end + 2]! - joints[start + 2]!);
    axis.normalize();
    wide.set(x, y, z);
    wide.addScaledVector(axis, -wide.dot(axis));
    if (wide.lengthSq() < 1e-6) wide.set(axis.y, axis.z, axis.x).cross(axis);
    deep.crossVectors(axis, wide.normalize());
  }

  private place(index: number, { x, y, z, isEnd }: Corner, joints: Float32Array, limb: Limb, ratio: number, colour: Color): void {
    const { axis, wide, deep } = this;
    const at = 3 * (isEnd ? limb.to : limb.from);
    const radius = isEnd ? limb.endRadius : limb.startRadius;
    const [across, normalAcross] = [radius * ratio * x, x / ratio];
    this.positions.setXYZ(
      index,
      joints[at]! + across * wide.x + radius * (y * deep.x + z * axis.x),
      joints[at + 1]! + across * wide.y + radius * (y * deep.y + z * axis.y),
      joints[at + 2]! + across * wide.z + radius * (y * deep.z + z * axis.z),
    );
    this.normals.setXYZ(
      index,
      normalAcross * wide.x + y * deep.x + z * axis.x,
      normalAcross * wide.y + y * deep.y + z * axis.y,
      normalAcross * wide.z + y * deep.z + z * axis.z,
    );
    this.colours.setXYZ(index, colour.r, colour.g, colour.b);
  }

  private attribute(name: string): BufferAttribute {
    const made = new BufferAttribute(new Float32Array(this.capacity * this.unit.length * 3), 3);
    made.setUsage(DynamicDrawUsage);
    for (const geometry of [this.fine, this.coarse]) geometry.setAttribute(name, made);
    return made;
  }
}

/** A point of a capsule of radius 1 around the z axis, relative to the end that it belongs to. */
interface Corner {
  x: number;
  y: number;
  z: number;
  isEnd: boolean;
}

/** Two half spheres, ring by ring. */
function unitCapsule(): Corner[] {
  const corners: Corner[] = [];
  for (let ring = 0; ring < 2 * RINGS; ring++) {
    const isEnd = ring >= RINGS;
    const latitude = ((ring - (isEnd ? RINGS : RINGS - 1)) / (RINGS - 1)) * (Math.PI / 2);
    for (let step = 0; step < AROUND; step++) {
      const longitude = (step / AROUND) * 2 * Math.PI;
      const radius = Math.cos(latitude);
      corners.push({ x: radius * Math.cos(longitude), y: radius * Math.sin(longitude), z: Math.sin(latitude), isEnd });
    }
  }
  return corners;
}

/** The corners of the triangles of so many capsules. */
function triangles(capsules: number, { step, rings }: Fineness): BufferAttribute {
  const indices: number[] = [];
  for (let capsule = 0; capsule < capsules; capsule++) {
    const first = capsule * 2 * RINGS * AROUND;
    for (const [ring, nextRing] of pairs(rings)) {
      for (let at = 0; at < AROUND; at += step) {
        const next = (at + step) % AROUND;
        const [a, b, c, d] = [at, next].flatMap((corner) => [first + ring * AROUND + corner, first + nextRing * AROUND + corner]) as [number, number, number, number];
        indices.push(a, c, b, c, d, b);
      }
    }
  }
  return new BufferAttribute(new Uint32Array(indices), 1);
}

function pairs(rings: readonly number[]): [number, number][] {
  return rings.slice(1).map((ring, index) => [rings[index]!, ring]);
}

/** Along the light onto the ground: far cheaper than a shadow map. */
const THROWN = new Matrix4().set(1, -SUN.x / SUN.y, 0, 0, 0, 0, 0, ABOVE_GROUND_M, 0, -SUN.z / SUN.y, 1, 0, 0, 0, 0, 1);
