/** Tapered capsules, all of them in one draw call. */

import {
  BufferAttribute,
  Color,
  DynamicDrawUsage,
  InstancedBufferAttribute,
  InstancedBufferGeometry,
  type Material,
  Mesh,
  MeshDepthMaterial,
  MeshStandardMaterial,
} from "three";

const AROUND = 14;
const RINGS = 5;

/** Capsules from one point to another, each with a radius and a colour at either end of it. */
export class Limbs {
  readonly mesh: Mesh;
  private readonly geometry = new InstancedBufferGeometry();
  private readonly starts: InstancedBufferAttribute;
  private readonly ends: InstancedBufferAttribute;
  private readonly colours: InstancedBufferAttribute;
  private count = 0;

  constructor(readonly capacity: number) {
    unitCapsule(this.geometry);
    this.starts = this.attribute("limbStart", 4);
    this.ends = this.attribute("limbEnd", 4);
    this.colours = this.attribute("color", 3);
    const material = capsules(new MeshStandardMaterial({ vertexColors: true, roughness: 0.62 }));
    this.mesh = new Mesh(this.geometry, material);
    this.mesh.customDepthMaterial = capsules(new MeshDepthMaterial());
    this.mesh.castShadow = true;
    this.mesh.receiveShadow = true;
    this.mesh.frustumCulled = false; // where the limbs are, only the shader knows
  }

  /** Forget all capsules. */
  clear(): void {
    this.count = 0;
  }

  /** Add a capsule; the points are at offsets into `points`. */
  add(points: Float32Array, from: number, to: number, startRadius: number, endRadius: number, colour: Color): void {
    if (this.count >= this.capacity) return;
    const index = this.count++;
    this.starts.setXYZW(index, points[from]!, points[from + 1]!, points[from + 2]!, startRadius);
    this.ends.setXYZW(index, points[to]!, points[to + 1]!, points[to + 2]!, endRadius);
    this.colours.setXYZ(index, colour.r, colour.g, colour.b);
  }

  /** Show what was added. */
  commit(): void {
    this.geometry.instanceCount = this.count;
    this.mesh.visible = this.count > 0;
    for (const each of [this.starts, this.ends, this.colours]) each.needsUpdate = true;
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
attribute float limbEndShare;
vec3 alongLimb(vec3 unit) {
  vec3 axis = limbEnd.xyz - limbStart.xyz;
  float size = length(axis);
  axis = size > 1e-6 ? axis / size : vec3(0.0, 0.0, 1.0);
  vec3 across = normalize(abs(axis.y) < 0.9 ? cross(axis, vec3(0.0, 1.0, 0.0)) : cross(axis, vec3(1.0, 0.0, 0.0)));
  return unit.x * across + unit.y * cross(axis, across) + unit.z * axis;
}
`;
const PLACED = `
vec4 limbPoint = mix(limbStart, limbEnd, limbEndShare);
vec3 transformed = limbPoint.xyz + limbPoint.w * alongLimb(position);
`;

/** A material whose vertices are placed on capsules. */
function capsules<M extends Material>(material: M): M {
  material.onBeforeCompile = (shader) => {
    shader.vertexShader = (DECLARATIONS + shader.vertexShader)
      .replace("#include <beginnormal_vertex>", "vec3 objectNormal = alongLimb(normal);")
      .replace("#include <begin_vertex>", PLACED);
  };
  return material;
}
