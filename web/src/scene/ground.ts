/** The ground: a grid of metres that fades into the distance. */

import { BufferGeometry, Float32BufferAttribute, LineBasicMaterial, LineSegments } from "three";

const EXTENT_M = 12;
const PIECE_M = 3;

/** Lines on y = 0. */
export class GroundGrid {
  readonly lines = new LineSegments(gridLines(), new LineBasicMaterial());

  /** Take a colour. */
  paint(line: string): void {
    this.lines.material.color.set(line);
  }
}

/** A line a metre, in pieces: long ones that end behind the camera are lost by some drivers. */
function gridLines(): BufferGeometry {
  const ends: number[] = [];
  for (let across = -EXTENT_M; across <= EXTENT_M; across++) {
    for (let along = -EXTENT_M; along < EXTENT_M; along += PIECE_M) {
      ends.push(along, 0, across, along + PIECE_M, 0, across, across, 0, along, across, 0, along + PIECE_M);
    }
  }
  return new BufferGeometry().setAttribute("position", new Float32BufferAttribute(ends, 3));
}
