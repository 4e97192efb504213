/** Colours that people with any kind of colour vision tell apart (Okabe and Ito's, mostly). */

import { Color } from "three";
import type { Side } from "./body";

export const SIDE_COLOURS: Readonly<Record<Exclude<Side, "middle">, string>> = {
  left: "#2a7fc9",
  right: "#e8891c",
};

/** The trunks and trajectories of people, in turn. */
export const PERSON_COLOURS: readonly string[] = ["#c9ced6", "#3fae8c", "#c77bb0", "#e3d34f", "#8d7cc3", "#7f8790"];

/** What stands behind the scene. */
export interface Surroundings {
  background: string;
  ground: string;
  line: string;
  shadow: number;
}

export const SURROUNDINGS: Readonly<Record<"light" | "dark", Surroundings>> = {
  light: { background: "#e9edf2", ground: "#f3f5f8", line: "#c3cbd6", shadow: 0.32 },
  dark: { background: "#12161d", ground: "#191f28", line: "#313b4a", shadow: 0.55 },
};

/** The colour of a person's trunk and trajectory. */
export function personColour(index: number): string {
  return PERSON_COLOURS[index % PERSON_COLOURS.length]!;
}

/** The colours of one person's limbs. */
export function limbColours(index: number): Record<Side, Color> {
  const { left, right } = SIDE_COLOURS;
  return { left: new Color(left), right: new Color(right), middle: new Color(personColour(index)) };
}
