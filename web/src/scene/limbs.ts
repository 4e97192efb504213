/** Tapered capsules, all of them in one draw call, and their shadows in another. */

import {
  BufferAttribute,
  Color,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  type Material,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
} from "three";
import type { Limb } from "./body";
import { SUN } from "./light";

const AROUND = 14;
const RINGS = 5;

/** A capsule as wide as it is deep. */
const ROUND = { x: 0, y: 0, z: 0, ratio: 1 };

/** Which way a capsule is wide, and how many times as wide as deep. */
export type Width = typeof ROUND;

/** Capsules from one point to another, each with a radius at either end and a colour. */
export class Limbs {
  readonly mesh: Mesh<InstancedBufferGeometry, MeshLambertMaterial>;
  /** What the capsules throw on the ground. */
  readonly shadow: Mesh<InstancedBufferGeometry, MeshBasicMaterial>;
  private readonly geometry = new InstancedBufferGeometry();
  private readonly starts: InstancedBufferAttribute;
  private readonly ends: InstancedBufferAttribute;
  private readonly widths: InstancedBufferAttribute;
  private readonly colours: InstancedBufferAttribute;
  private count = 0;

  constructor(readonly capacity: number) {
    unitCapsule(this.geometry);
    this.starts = this.attribute("limbStart", 4);
    this.ends = this.attribute("limbEnd", 4);
    this.widths = this.attribute("limbWidth", 4);
    this.colours = this.attribute("color", 3);
    this.mesh = new Mesh(this.geometry, capsules(new MeshLambertMaterial({ vertexColors: true }), PLACED));
    this.shadow = new Mesh(this.geometry, capsules(new MeshBasicMaterial(), PLACED + FLATTENED));
    // Where the limbs are, only the shader knows.
    this.mesh.frustumCulled = this.shadow.frustumCulled = false;
  }

  /** Forget all capsules. */
  clear(): void {
    this.count = 0;
  }

  /** Add a limb between joints, of which x, y and z follow each other. */
  add(joints: Float32Array, { from, to, startRadius, endRadius }: Limb, colour: Color, width: Width = ROUND): void {
    if (this.count >= this.capacity) return;
    const index = this.count++;
    const [start, end] = [from * 3, to * 3];
    this.starts.setXYZW(index, joints[start]!, joints[start + 1]!, joints[start + 2]!, startRadius);
    this.ends.setXYZW(index, joints[end]!, joints[end + 1]!, joints[end + 2]!, endRadius);
    this.widths.setXYZW(index, width.x, width.y, width.z, width.ratio);
    this.colours.setXYZ(index, colour.r, colour.g, colour.b);
  }

  /** Show what was added. */
  commit(): void {
    this.geometry.instanceCount = this.count;
    this.mesh.visible = this.shadow.visible = this.count > 0;
    for (const each of [this.starts, this.ends, this.widths, this.colours]) each.needsUpdate = true;
  }

  /** Free what the graphics card holds. */
  dispose(): void {
    this.geometry.dispose();
    for (const { material } of [this.mesh, this.shadow]) material.dispose();
  }

  private attribute(name: string, size: number): InstancedBufferAttribute {
    const made = new InstancedBufferAttribute(new Float32Array(this.capacity * size), size);
    made.setUsage(DynamicDrawUsage);
    this.geometry.setAttribute(name, made);
    return made;
  }
}

/** Two half spheres of radius 1 around the z axis; `limbEndShare` says to which end a vertex belongs. */
function unitCapsule(geometry: InstancedBufferGeometry): void {
  const normals: number[] = [];
  const shares: number[] = [];
  const triangles: number[] = [];
  for (const end of [0, 1]) {
    for (let ring = 0; ring < RINGS; ring++) {
      const latitude = ((end === 0 ? ring - (RINGS - 1) : ring) / (RINGS - 1)) * (Math.PI / 2);
      for (let step = 0; step < AROUND; step++) {
        const longitude = (step / AROUND) * 2 * Math.PI;
        const r = Math.cos(latitude);
        normals.push(r * Math.cos(longitude), r * Math.sin(longitude), Math.sin(latitude));
        shares.push(end);
      }
    }
  }
  for (let ring = 0; ring < 2 * RINGS - 1; ring++) {
    for (let step = 0; step < AROUND; step++) {
      const [a, b] = [ring * AROUND + step, ring * AROUND + ((step + 1) % AROUND)];
      triangles.push(a, b, a + AROUND, b, b + AROUND, a + AROUND);
    }
  }
  const unit = new BufferAttribute(new Float32Array(normals), 3);
  geometry.setAttribute("position", unit);
  geometry.setAttribute("normal", unit);
  geometry.setAttribute("limbEndShare", new BufferAttribute(new Float32Array(shares), 1));
  geometry.setIndex(triangles);
}

const DECLARATIONS = `
attribute vec4 limbStart;
attribute vec4 limbEnd;
attribute vec4 limbWidth;
attribute float limbEndShare;
vec3 alongLimb(vec3 unit) {
  vec3 axis = limbEnd.xyz - limbStart.xyz;
  float size = length(axis);
  axis = size > 1e-6 ? axis / size : vec3(0.0, 0.0, 1.0);
  vec3 wide = limbWidth.xyz - dot(limbWidth.xyz, axis) * axis;
  if (length(wide) < 1e-3) wide = abs(axis.y) < 0.9 ? cross(axis, vec3(0.0, 1.0, 0.0)) : cross(axis, vec3(1.0, 0.0, 0.0));
  wide = normalize(wide);
  return unit.x * wide + unit.y * cross(axis, wide) + unit.z * axis;
}
`;
const NORMAL = "vec3 objectNormal = normalize(alongLimb(vec3(normal.x / limbWidth.w, normal.yz)));";
const PLACED = `
vec4 limbPoint = mix(limbStart, limbEnd, limbEndShare);
vec3 transformed = limbPoint.xyz + limbPoint.w * alongLimb(vec3(position.x * limbWidth.w, position.yz));
`;
/** Thrown along the light onto the ground: far cheaper than a shadow map, which matters without a graphics card. */
const FLATTENED = `
transformed.xz -= vec2(${SUN.x / SUN.y}, ${SUN.z / SUN.y}) * transformed.y;
transformed.y = 0.004;
`;

/** A material whose vertices are placed on capsules. */
function capsules<M extends Material>(material: M, placing: string): M {
  material.onBeforeCompile = (shader) => {
    shader.vertexShader = (DECLARATIONS + shader.vertexShader)
      .replace("#include <beginnormal_vertex>", NORMAL)
      .replace("#include <begin_vertex>", placing);
  };
  material.customProgramCacheKey = () => placing;
  return material;
}
