/** How the clip that is open is lifted: what the user changes of its lift request. */

import type { Axes, Camera, LiftRequest } from "poselift";

/** Those that are left out are as in the request. */
export interface Options {
  model?: string;
  /** Across the image's width, instead of what the request knows of the camera. */
  fov_degrees?: number;
  person_height_m?: number;
  smoothing_s?: number;
  min_score?: number;
  constant_bone_lengths?: boolean;
  ground_contact?: boolean;
  flip_augmentation?: boolean;
  /** Of what is exported: what is shown has axes of its own. */
  axes?: Axes;
}

type Numbers = "fov_degrees" | "person_height_m" | "smoothing_s" | "min_score";
type Flags = "constant_bone_lengths" | "ground_contact" | "flip_augmentation";

export interface NumberOption {
  name: Numbers;
  label: string;
  unit: string;
  least: number;
  most: number;
  step: number;
  /** What there is without it, in words. */
  otherwise: string;
}

export const NUMBER_OPTIONS: readonly NumberOption[] = [
  { name: "fov_degrees", label: "Field of view", unit: "°", least: 1, most: 160, step: 1, otherwise: "assumed" },
  { name: "person_height_m", label: "Height", unit: "m", least: 0.3, most: 2.6, step: 0.01, otherwise: "an adult's" },
  { name: "smoothing_s", label: "Smoothing", unit: "s", least: 0, most: 1, step: 0.05, otherwise: "none" },
  { name: "min_score", label: "Least score", unit: "", least: 0, most: 1, step: 0.05, otherwise: "0.05" },
];

export const FLAG_OPTIONS: Readonly<Record<Flags, string>> = {
  constant_bone_lengths: "Bones keep their lengths",
  ground_contact: "Standing feet do not slide",
  flip_augmentation: "Averaged with the mirror image",
};

export const AXES: Readonly<Record<Axes, string>> = {
  camera: "x right, y down, z away from the camera",
  y_up: "y up: viewers and game engines",
  z_up: "z up: Blender and robotics",
};

/** A lift request with the user's changes. */
export function withOptions(request: LiftRequest, { fov_degrees, ...options }: Options): LiftRequest {
  return { ...request, ...options, ...(fov_degrees !== undefined && { camera: seenWith(fov_degrees, request.camera) }) };
}

/** A lift request for one of its clips alone, with the user's changes. */
export function forPerson(request: LiftRequest, person: number, options: Options): LiftRequest {
  return withOptions({ ...request, clips: [request.clips[person]!] }, options);
}

/** What a request says of an option, changed or not. */
export function valueOf<Name extends keyof Options>(name: Name, options: Options, request: LiftRequest): Options[Name] {
  const given = { ...request, fov_degrees: request.camera?.fov_degrees } as Options;
  return options[name] ?? given[name];
}

/** Changes of options; undefined takes one out. */
export type Change = { [Name in keyof Options]: Options[Name] | undefined };

/** Options with a change. */
export function changed(options: Options, change: Change): Options {
  const entries = Object.entries({ ...options, ...change }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries);
}

/** Options as an address has them. */
export function toQuery(options: Options): string {
  return new URLSearchParams(Object.entries(options).map(([name, value]) => [name, String(value)])).toString();
}

/** What an address says; what is no option, or no value of it, is left out. */
export function fromQuery(query: string): Options {
  const told = new URLSearchParams(query);
  const found: Options = {};
  const model = told.get("model");
  if (model) found.model = model;
  const axes = told.get("axes");
  if (axes !== null && axes in AXES) found.axes = axes as Axes;
  for (const { name } of NUMBER_OPTIONS) {
    const value = Number(told.get(name));
    if (told.get(name) && Number.isFinite(value)) found[name] = value;
  }
  for (const name of Object.keys(FLAG_OPTIONS) as Flags[]) {
    if (told.has(name)) found[name] = told.get(name) === "true";
  }
  return found;
}

/** Options in a few words. */
export function inWords(model: string, options: Options): string {
  const numbers = NUMBER_OPTIONS.flatMap(({ name, label, unit }) => {
    const value = options[name];
    return value === undefined ? [] : [`${label.toLowerCase()} ${value}${unit && ` ${unit}`}`];
  });
  const flags = (Object.entries(FLAG_OPTIONS) as [Flags, string][]).flatMap(([name, label]) => (options[name] ? [label.toLowerCase()] : []));
  return [model, ...numbers, ...flags].join(", ");
}

function seenWith(fov_degrees: number, camera: Camera | undefined): Camera {
  const { focal_length: _, ...rest } = camera ?? {};
  return { ...rest, fov_degrees };
}
