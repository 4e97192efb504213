/** People in 3D. Takes arrays, and knows nothing of where they come from. */

import {
  ACESFilmicToneMapping,
  Color,
  DirectionalLight,
  Fog,
  HemisphereLight,
  PCFShadowMap,
  PerspectiveCamera,
  Scene,
  Vector3,
  WebGLRenderer,
} from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Skeleton } from "poselift";
import { limbsOf, type Limb } from "./body";
import { limbColours, SURROUNDINGS } from "./colours";
import { GroundGrid } from "./ground";
import { Limbs } from "./limbs";
import { Trails, type Trail } from "./trails";

/** One person as they are shown now. */
export interface ShownPerson {
  /** x, y, z of each joint of the skeleton: metres, y up, the ground at y = 0. */
  joints: Float32Array;
  /** Which of the colours for people; the place among all of them, shown or not. */
  colourIndex: number;
}

const LARGEST_CROWD = 64;
const LARGEST_PIXEL_RATIO = 2;

/** A WebGL scene on a canvas. Nothing is drawn until `render`. */
export class PoseScene {
  readonly camera = new PerspectiveCamera(38, 1, 0.05, 120);
  readonly controls: OrbitControls;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly ground = new GroundGrid();
  private readonly trails = new Trails();
  private readonly sun = new DirectionalLight("#ffffff", 2.4);
  private limbs: Limbs | null = null;
  private bones: Limb[] = [];

  constructor(private readonly canvas: HTMLCanvasElement) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, powerPreference: "high-performance" });
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.type = PCFShadowMap;
    this.renderer.toneMapping = ACESFilmicToneMapping;
    this.renderer.info.autoReset = false;
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.maxPolarAngle = Math.PI * 0.53;
    this.controls.minDistance = 0.6;
    this.controls.maxDistance = 40;
    this.light();
    this.scene.add(this.ground.group, this.trails.lines);
    this.lookAtOrigin();
  }

  /** What of `renderer.info` tells the cost of the last `render`. */
  get drawCalls(): number {
    return this.renderer.info.render.calls;
  }

  /** Take the joints of all people from now on as those of this skeleton. */
  setSkeleton(skeleton: Skeleton): void {
    if (this.limbs) this.scene.remove(this.limbs.mesh);
    this.bones = limbsOf(skeleton);
    this.limbs = new Limbs(this.bones.length * LARGEST_CROWD);
    this.scene.add(this.limbs.mesh);
  }

  /** Show these people and no others. */
  showPeople(people: readonly ShownPerson[]): void {
    const { limbs } = this;
    if (!limbs) return;
    limbs.clear();
    for (const { joints, colourIndex } of people) {
      const colours = limbColours(colourIndex);
      for (const { from, to, startRadius, endRadius, side } of this.bones) {
        limbs.add(joints, from * 3, to * 3, startRadius, endRadius, colours[side]);
      }
    }
    limbs.commit();
  }

  /** Show these trajectories and no others. */
  showTrails(trails: readonly Trail[]): void {
    this.trails.show(trails);
  }

  /** Take the colours of a theme. */
  setTheme(theme: "light" | "dark"): void {
    const surroundings = SURROUNDINGS[theme];
    this.scene.background = new Color(surroundings.background);
    this.scene.fog = new Fog(surroundings.background, 9, 26);
    this.ground.paint(surroundings);
  }

  /** Look at a point from in front of people, as far as it takes to see so many metres. */
  frame(centre: Vector3, radius: number): void {
    const distance = Math.max(2.2, (radius * 1.25) / Math.sin((this.camera.fov * Math.PI) / 360));
    this.controls.target.copy(centre);
    this.camera.position.set(centre.x + distance * 0.45, centre.y + distance * 0.3, centre.z + distance * 0.85);
    this.controls.update();
  }

  /** Move camera and target along, so that the target is this point. */
  follow(point: Vector3): void {
    this.camera.position.add(point).sub(this.controls.target);
    this.controls.target.copy(point);
    this.controls.update();
  }

  /** Take the canvas's size on the page; true if it changed. */
  resize(): boolean {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(globalThis.devicePixelRatio, LARGEST_PIXEL_RATIO);
    const size = [Math.floor(width * ratio), Math.floor(height * ratio)];
    if (width === 0 || (size[0] === this.canvas.width && size[1] === this.canvas.height)) return false;
    this.renderer.setPixelRatio(ratio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    return true;
  }

  /** Draw. */
  render(): void {
    this.sun.target.position.copy(this.controls.target).setY(0);
    this.sun.position.copy(this.sun.target.position).add(SUN);
    this.renderer.info.reset();
    this.renderer.render(this.scene, this.camera);
  }

  /** Free what the graphics card holds. */
  dispose(): void {
    this.controls.dispose();
    this.renderer.dispose();
  }

  private light(): void {
    const { sun } = this;
    sun.castShadow = true;
    sun.shadow.mapSize.set(1024, 1024);
    sun.shadow.radius = 3;
    sun.shadow.normalBias = 0.02;
    Object.assign(sun.shadow.camera, { left: -7, right: 7, top: 7, bottom: -7, near: 0.5, far: 24 });
    this.scene.add(sun, sun.target, new HemisphereLight("#ffffff", "#8b8478", 1.35));
  }

  private lookAtOrigin(): void {
    this.frame(new Vector3(0, 0.9, 0), 1.2);
  }
}

const SUN = new Vector3(2.5, 9, 4);
