/** Where people have been, as lines on the ground. */

import { BufferGeometry, Color, Float32BufferAttribute, LineBasicMaterial, LineSegments } from "three";

const ABOVE_GROUND_M = 0.012;

/** One person's way: x, y, z of the root through time, NaN where unknown. */
export interface Trail {
  points: Float32Array;
  colour: string;
}

/** All trails in one draw call. */
export class Trails {
  readonly lines = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ vertexColors: true }));

  constructor() {
    this.lines.frustumCulled = false;
  }

  /** Show these and no others. */
  show(trails: readonly Trail[]): void {
    const ends: number[] = [];
    const colours: number[] = [];
    for (const { points, colour } of trails) {
      const { r, g, b } = new Color(colour);
      for (let i = 0; i + 5 < points.length; i += 3) {
        if (Number.isNaN(points[i]) || Number.isNaN(points[i + 3])) continue;
        ends.push(points[i]!, ABOVE_GROUND_M, points[i + 2]!, points[i + 3]!, ABOVE_GROUND_M, points[i + 5]!);
        colours.push(r, g, b, r, g, b);
      }
    }
    this.lines.geometry.dispose();
    this.lines.geometry = new BufferGeometry()
      .setAttribute("position", new Float32BufferAttribute(ends, 3))
      .setAttribute("color", new Float32BufferAttribute(colours, 3));
    this.lines.visible = ends.length > 0;
  }
}
