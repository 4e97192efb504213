/** A line in front of everything, with dots at its ends: what is selected or measured. */

import { BufferGeometry, CanvasTexture, Float32BufferAttribute, Group, LineBasicMaterial, LineSegments, Points, PointsMaterial } from "three";

const DOT_PX = 12;

/** Points of the scene, connected in pairs. */
export class MeasureLine {
  readonly group = new Group();
  private readonly line = new LineSegments(new BufferGeometry(), new LineBasicMaterial({ depthTest: false }));
  private readonly dots = new Points(
    new BufferGeometry(),
    new PointsMaterial({ size: DOT_PX, sizeAttenuation: false, depthTest: false, map: disc(), alphaTest: 0.5 }),
  );

  constructor() {
    for (const each of [this.line, this.dots]) {
      each.frustumCulled = false;
      each.renderOrder = 5;
      each.material.transparent = true;
      each.material.fog = false;
    }
    this.group.add(this.line, this.dots);
    this.show([]);
  }

  /** Take a colour. */
  paint(colour: string): void {
    this.line.material.color.set(colour);
    this.dots.material.color.set(colour);
  }

  /** Show these points; two of them are connected. */
  show(points: readonly Float32Array[]): void {
    const places = points.flatMap((point) => [...point]);
    for (const each of [this.line, this.dots]) {
      each.geometry.dispose();
      each.geometry = new BufferGeometry().setAttribute("position", new Float32BufferAttribute(places, 3));
    }
    this.dots.visible = points.length > 0;
    this.line.visible = points.length === 2;
  }
}

function disc(): CanvasTexture {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 64 });
  const pen = canvas.getContext("2d")!;
  pen.fillStyle = "#ffffff";
  pen.arc(32, 32, 30, 0, 2 * Math.PI);
  pen.fill();
  return new CanvasTexture(canvas);
}
