/** The ground: a plane that takes shadows, and a grid of metres. */

import { Group, LineBasicMaterial, LineSegments, BufferGeometry, Float32BufferAttribute, Mesh, MeshBasicMaterial, PlaneGeometry, ShadowMaterial } from "three";
import type { Surroundings } from "./colours";

const EXTENT_M = 12;

/** Shadow and grid on y = 0. */
export class GroundGrid {
  readonly group = new Group();
  private readonly plane = new Mesh(new PlaneGeometry(200, 200), new MeshBasicMaterial());
  private readonly shadow = new Mesh(new PlaneGeometry(2 * EXTENT_M, 2 * EXTENT_M), new ShadowMaterial());
  private readonly lines = new LineSegments(gridLines(), new LineBasicMaterial());

  constructor() {
    for (const mesh of [this.plane, this.shadow]) mesh.rotation.x = -Math.PI / 2;
    this.plane.position.y = -0.006;
    this.shadow.receiveShadow = true;
    this.shadow.position.y = 0.002;
    this.plane.renderOrder = -2;
    this.group.add(this.plane, this.lines, this.shadow);
  }

  /** Take the colours of a theme. */
  paint({ ground, line, shadow }: Surroundings): void {
    this.plane.material.color.set(ground);
    this.lines.material.color.set(line);
    this.shadow.material.opacity = shadow;
  }
}

function gridLines(): BufferGeometry {
  const ends: number[] = [];
  for (let metre = -EXTENT_M; metre <= EXTENT_M; metre++) {
    ends.push(-EXTENT_M, 0, metre, EXTENT_M, 0, metre, metre, 0, -EXTENT_M, metre, 0, EXTENT_M);
  }
  return new BufferGeometry().setAttribute("position", new Float32BufferAttribute(ends, 3));
}
