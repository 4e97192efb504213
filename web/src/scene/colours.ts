/** Colours that people with any kind of colour vision tell apart (after Okabe and Ito). */

import { Color } from "three";
import type { Side } from "./body";

export const SIDE_COLOURS: Readonly<Record<Exclude<Side, "middle">, string>> = {
  left: "#2f86d1",
  right: "#ef8a17",
};

/** The trunks and trajectories of people, in turn. */
export const PERSON_COLOURS: readonly string[] = ["#98a3b3", "#34a884", "#c26da9", "#d0b92a", "#8673c9", "#5f6a78"];

/** What is around people. */
export interface Surroundings {
  background: string;
  line: string;
  shadow: string;
  /** Of what is selected. */
  accent: string;
}

export const SURROUNDINGS: Readonly<Record<"light" | "dark", Surroundings>> = {
  light: { background: "#edf0f4", line: "#c4ccd7", shadow: "#c0c7d2", accent: "#1b2230" },
  dark: { background: "#161b23", line: "#333e4e", shadow: "#0b0e13", accent: "#f4f6fa" },
};

/** The colour of a person's trunk and trajectory. */
export function personColour(index: number): string {
  return PERSON_COLOURS[index % PERSON_COLOURS.length]!;
}

/** All limbs of people to compare with. */
export const COMPARED_COLOUR = "#a07be0";

/** The colours of one person's limbs; with a tint, all alike. */
export function limbColours(index: number, tint?: string): Record<Side, Color> {
  if (tint) return { left: new Color(tint), right: new Color(tint), middle: new Color(tint) };
  const { left, right } = SIDE_COLOURS;
  return { left: new Color(left), right: new Color(right), middle: new Color(personColour(index)) };
}
