/** People in 3D. Takes arrays, and knows nothing of where they come from. */

import { Color, DirectionalLight, Fog, HemisphereLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Skeleton } from "poselift";
import { limbsOf, type Limb } from "./body";
import { limbColours, SURROUNDINGS } from "./colours";
import { isSoftware } from "./graphics";
import { GroundGrid } from "./ground";
import { SUN } from "./light";
import { Limbs, type Width } from "./limbs";
import { Marks, type Mark } from "./marks";
import { MeasureLine } from "./measure";
import { Trails, type Trail } from "./trails";

/** One person as they are shown now. */
export interface ShownPerson {
  /** x, y, z of each joint of the skeleton: metres, y up, the ground at y = 0. */
  joints: Float32Array;
  /** The place among all people, shown or not: it chooses the colour. */
  index: number;
  /** One colour for all of them: of someone to compare with, who is not picked. */
  tint?: string;
}

/** A joint of a person who is shown. */
export interface PickedJoint {
  /** `ShownPerson.index`. */
  person: number;
  joint: number;
}

/** A circle on the ground in which people stand, in metres. */
export interface Extent {
  x: number;
  z: number;
  radius: number;
}

/** A place on the canvas, in CSS pixels from its top left. */
export interface CanvasPoint {
  x: number;
  y: number;
}

const USUAL_CROWD = 8;
const LARGEST_PIXEL_RATIO = 2;
/** So many can have many corners even without a graphics card, where each of them costs. */
const FEW_PEOPLE = 2;
const NEAREST_PX = 22;
const VIEW_FROM = new Vector3(0.42, 0.26, 0.87).normalize();

/** A WebGL scene on a canvas. Nothing is drawn until `render`. */
export class PoseScene {
  readonly camera = new PerspectiveCamera(36, 1, 0.05, 150);
  readonly controls: OrbitControls;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly ground = new GroundGrid();
  private readonly trails = new Trails();
  private readonly marks = new Marks();
  private readonly measure = new MeasureLine();
  private readonly isSlow: boolean;
  private surroundings = SURROUNDINGS.light;
  private limbs: Limbs | null = null;
  private bones: Limb[] = [];
  private people: readonly ShownPerson[] = [];
  /** What the view shows, until the user turns it. */
  private framed: Extent | null = null;
  private shownTrails: readonly Trail[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.isSlow = isSoftware();
    this.renderer = new WebGLRenderer({ canvas, antialias: !this.isSlow });
    this.renderer.info.autoReset = false;
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.maxPolarAngle = Math.PI * 0.52;
    this.controls.minDistance = 0.6;
    this.controls.maxDistance = 40;
    this.controls.zoomToCursor = true;
    this.controls.addEventListener("start", () => (this.framed = null));
    const sun = new DirectionalLight("#ffffff", 2);
    sun.position.copy(SUN);
    this.scene.add(sun, new HemisphereLight("#ffffff", "#a79f95", 1.6));
    this.scene.add(this.ground.lines, this.trails.mesh, this.marks.mesh, this.measure.group);
    this.frame({ x: 0, z: 0, radius: 0.8 });
  }

  /** Of the last `render`. */
  get drawCalls(): number {
    return this.renderer.info.render.calls;
  }

  /** Take the joints of all people from now on as those of this skeleton. */
  setSkeleton(skeleton: Skeleton): void {
    this.bones = limbsOf(skeleton);
    this.limbs = this.limbsFor(USUAL_CROWD);
  }

  /** Show these people and no others. */
  showPeople(people: readonly ShownPerson[]): void {
    this.people = people;
    if (!this.limbs) return;
    const isCrowded = people.length * this.bones.length > this.limbs.capacity;
    const limbs = (this.limbs = isCrowded ? this.limbsFor(2 * people.length) : this.limbs);
    limbs.clear();
    for (const { joints, index, tint } of people) {
      const colours = limbColours(index, tint);
      for (const limb of this.bones) limbs.add(joints, limb, colours[limb.side], widthOf(joints, limb));
    }
    limbs.commit(!this.isSlow || people.length <= FEW_PEOPLE);
  }

  /** Show these trajectories and no others. */
  showTrails(trails: readonly Trail[]): void {
    this.shownTrails = trails;
    this.trails.show(trails, this.surroundings.accent);
  }

  /** Show these balls and no others. */
  showMarks(marks: readonly Mark[]): void {
    this.marks.show(marks);
  }

  /** Show what is selected: one point, or two that are connected. */
  showMeasure(points: readonly Float32Array[]): void {
    this.measure.show(points);
  }

  /** Take the colours of a theme. */
  setTheme(theme: "light" | "dark"): void {
    const { background, line, shadow, accent } = (this.surroundings = SURROUNDINGS[theme]);
    this.scene.background = new Color(background);
    this.scene.fog = new Fog(background);
    this.ground.paint(line);
    this.measure.paint(accent);
    this.trails.show(this.shownTrails, accent);
    this.limbs?.shadow.material.color.set(shadow);
    this.fade();
  }

  /** Look from the front at people who stand there. */
  frame(extent: Extent): void {
    const { x, z, radius } = (this.framed = extent);
    const half = Math.tan((this.camera.fov * Math.PI) / 360);
    const distance = Math.max(1.25 / half, (radius + 0.6) / (half * this.camera.aspect)) + radius * 0.35;
    this.controls.target.set(x, 0.88, z);
    this.camera.position.copy(this.controls.target).addScaledVector(VIEW_FROM, distance);
    this.controls.update();
    this.fade();
  }

  /** Move camera and target along, so that the target is above this point of the ground. */
  follow(x: number, z: number): void {
    this.framed = null;
    const { target } = this.controls;
    this.camera.position.x += x - target.x;
    this.camera.position.z += z - target.z;
    target.set(x, target.y, z);
    this.controls.update();
  }

  /** Turn around the target, in radians. */
  turn(around: number, up: number): void {
    this.framed = null;
    const arm = this.camera.position.clone().sub(this.controls.target);
    const { distance, azimuth, elevation } = polar(arm);
    arm.copy(direction(azimuth + around, elevation + up)).multiplyScalar(distance);
    this.camera.position.copy(this.controls.target).add(arm);
    this.controls.update();
  }

  /** Come so many times as near. */
  zoom(times: number): void {
    this.framed = null;
    this.camera.position.sub(this.controls.target).divideScalar(times).add(this.controls.target);
    this.controls.update();
  }

  /** Where a point of the scene is on the canvas; null behind the camera. */
  project(x: number, y: number, z: number): CanvasPoint | null {
    const point = new Vector3(x, y, z).project(this.camera);
    if (point.z > 1) return null;
    return { x: ((point.x + 1) / 2) * this.canvas.clientWidth, y: ((1 - point.y) / 2) * this.canvas.clientHeight };
  }

  /** The joint that is nearest to a place on the canvas, if any is near. */
  pick({ x, y }: CanvasPoint): PickedJoint | null {
    let nearest = NEAREST_PX;
    let picked: PickedJoint | null = null;
    for (const { joints, index, tint } of this.people) {
      if (tint) continue;
      for (let joint = 0; joint < joints.length / 3; joint++) {
        const at = this.project(joints[joint * 3]!, joints[joint * 3 + 1]!, joints[joint * 3 + 2]!);
        const distance = at ? Math.hypot(at.x - x, at.y - y) : Infinity;
        if (distance < nearest) [nearest, picked] = [distance, { person: index, joint }];
      }
    }
    return picked;
  }

  /** Take the canvas's size on the page; true if it changed. At rest there is time for a finer picture. */
  resize(isAtRest: boolean): boolean {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const finest = Math.min(globalThis.devicePixelRatio, LARGEST_PIXEL_RATIO);
    const ratio = this.isSlow ? (isAtRest ? LARGEST_PIXEL_RATIO : 1) : finest;
    const [wide, high] = [Math.floor(width * ratio), Math.floor(height * ratio)];
    if (width === 0 || (wide === this.canvas.width && high === this.canvas.height)) return false;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    if (this.framed) this.frame(this.framed);
    return true;
  }

  /** Draw. */
  render(): void {
    this.fade();
    this.renderer.info.reset();
    this.renderer.render(this.scene, this.camera);
  }

  /** Free what the graphics card holds. */
  dispose(): void {
    this.controls.dispose();
    this.limbs?.dispose();
    this.renderer.dispose();
  }

  /** Capsules for so many people, in the place of those that there were. */
  private limbsFor(people: number): Limbs {
    if (this.limbs) this.scene.remove(this.limbs.mesh, this.limbs.shadow);
    this.limbs?.dispose();
    const limbs = new Limbs(people * this.bones.length);
    limbs.shadow.material.color.set(this.surroundings.shadow);
    this.scene.add(limbs.mesh, limbs.shadow);
    return limbs;
  }

  /** The grid fades behind what one looks at, however far away that is. */
  private fade(): void {
    const { fog } = this.scene;
    if (!(fog instanceof Fog)) return;
    const distance = this.camera.position.distanceTo(this.controls.target);
    fog.near = distance + 2;
    fog.far = distance * 1.6 + 9;
  }
}

function widthOf(joints: Float32Array, { across }: Limb): Width | undefined {
  if (!across) return undefined;
  const [from, to] = [across.from * 3, across.to * 3];
  const [x, y, z] = [joints[to]! - joints[from]!, joints[to + 1]! - joints[from + 1]!, joints[to + 2]! - joints[from + 2]!];
  return { x, y, z, ratio: across.ratio };
}

function polar(arm: Vector3): { distance: number; azimuth: number; elevation: number } {
  const distance = arm.length();
  return { distance, azimuth: Math.atan2(arm.x, arm.z), elevation: Math.asin(arm.y / distance) };
}

function direction(azimuth: number, elevation: number): Vector3 {
  const limited = Math.min(Math.max(elevation, -0.06), 1.5);
  const flat = Math.cos(limited);
  return new Vector3(flat * Math.sin(azimuth), Math.sin(limited), flat * Math.cos(azimuth));
}
