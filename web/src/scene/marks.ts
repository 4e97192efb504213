/** Translucent balls around joints, all of them in one draw call. */

import { Color, DynamicDrawUsage, InstancedMesh, Matrix4, MeshBasicMaterial, SphereGeometry } from "three";

/** A ball. */
export interface Mark {
  x: number;
  y: number;
  z: number;
  radius: number;
  colour: string;
}

const CAPACITY = 2048;
const OPACITY = 0.3;

/** Balls of any size and colour. */
export class Marks {
  readonly mesh: InstancedMesh;
  private readonly matrix = new Matrix4();
  private readonly colour = new Color();

  constructor() {
    const material = new MeshBasicMaterial({ transparent: true, opacity: OPACITY, depthWrite: false });
    this.mesh = new InstancedMesh(new SphereGeometry(1, 16, 12), material, CAPACITY);
    this.mesh.instanceMatrix.setUsage(DynamicDrawUsage);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 2;
    this.show([]);
  }

  /** Show these and no others. */
  show(marks: readonly Mark[]): void {
    const { mesh, matrix, colour } = this;
    marks.slice(0, CAPACITY).forEach(({ x, y, z, radius, colour: name }, index) => {
      mesh.setMatrixAt(index, matrix.makeScale(radius, radius, radius).setPosition(x, y, z));
      mesh.setColorAt(index, colour.set(name));
    });
    mesh.count = Math.min(marks.length, CAPACITY);
    mesh.visible = mesh.count > 0;
    mesh.instanceMatrix.needsUpdate = true;
    if (mesh.instanceColor) mesh.instanceColor.needsUpdate = true;
  }
}
