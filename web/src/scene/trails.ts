/** Where people have been, as ribbons on the ground. */

import { BufferGeometry, Color, DoubleSide, Float32BufferAttribute, Mesh, MeshBasicMaterial } from "three";

const ABOVE_GROUND_M = 0.008;
const HALF_WIDTH_M = 0.01;
/** So far from a person's colour to one that stands out from the ground. */
const INKED = 0.3;

/** One person's way: x, y, z of the root through time, NaN where unknown. */
export interface Trail {
  points: Float32Array;
  colour: string;
}

/** All trails in one draw call. */
export class Trails {
  readonly mesh = new Mesh(new BufferGeometry(), new MeshBasicMaterial({ vertexColors: true, side: DoubleSide }));

  constructor() {
    this.mesh.frustumCulled = false;
  }

  /** Show these and no others, inked to stand out from the ground and from shadows. */
  show(trails: readonly Trail[], ink: string): void {
    const accent = new Color(ink);
    const corners: number[] = [];
    const colours: number[] = [];
    for (const { points, colour } of trails) {
      const { r, g, b } = new Color(colour).lerp(accent, INKED);
      for (let i = 0; i + 5 < points.length; i += 3) {
        const [x, z, toX, toZ] = [points[i]!, points[i + 2]!, points[i + 3]!, points[i + 5]!];
        const length = Math.hypot(toX - x, toZ - z);
        if (!(length > 0)) continue; // unknown, or nowhere
        const [acrossX, acrossZ] = [((toZ - z) / length) * HALF_WIDTH_M, ((x - toX) / length) * HALF_WIDTH_M];
        for (const [cornerX, cornerZ, side] of [[x, z, 1], [toX, toZ, 1], [x, z, -1], [x, z, -1], [toX, toZ, 1], [toX, toZ, -1]] as const) {
          corners.push(cornerX + side * acrossX, ABOVE_GROUND_M, cornerZ + side * acrossZ);
          colours.push(r, g, b);
        }
      }
    }
    this.mesh.geometry.dispose();
    this.mesh.geometry = new BufferGeometry()
      .setAttribute("position", new Float32BufferAttribute(corners, 3))
      .setAttribute("color", new Float32BufferAttribute(colours, 3));
    this.mesh.visible = corners.length > 0;
  }
}
