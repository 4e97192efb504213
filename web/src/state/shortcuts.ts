/** Keys, what they do, and how the help sheet tells of them. */

import { seekFrame, stepFrames, togglePlaying } from "./playback";
import type { Store } from "./store";
import { togglePerson } from "./store";

export interface Shortcut {
  /** As `KeyboardEvent.key` has them. */
  keys: readonly string[];
  /** How the keys are written. */
  shown: string;
  does: string;
  /** On tabs too that do not show the clip. */
  isEverywhere?: boolean;
  run(store: Store, key: string): void;
}

export const SPEEDS: readonly number[] = [0.1, 0.25, 0.5, 1, 2];

const toggle = (name: "loops" | "followsPeople" | "showsExpectedErrors" | "showsHelp") => (store: Store): void => {
  store[name].value = !store[name].value;
};

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: [" ", "k"], shown: "Space", does: "Play or pause", run: togglePlaying },
  { keys: ["ArrowRight", "."], shown: "→ or .", does: "Next frame", run: (store) => stepFrames(store, 1) },
  { keys: ["ArrowLeft", ","], shown: "← or ,", does: "Previous frame", run: (store) => stepFrames(store, -1) },
  { keys: ["PageDown"], shown: "Page down", does: "Ten frames on", run: (store) => stepFrames(store, 10) },
  { keys: ["PageUp"], shown: "Page up", does: "Ten frames back", run: (store) => stepFrames(store, -10) },
  { keys: ["Home"], shown: "Home", does: "First frame", run: (store) => seekFrame(store, store.timing.value?.first ?? 0) },
  { keys: ["End"], shown: "End", does: "Last frame", run: (store) => seekFrame(store, store.timing.value?.last ?? 0) },
  { keys: ["-", "["], shown: "[", does: "Slower", run: (store) => changeSpeed(store, -1) },
  { keys: ["+", "]"], shown: "]", does: "Faster", run: (store) => changeSpeed(store, 1) },
  { keys: ["l"], shown: "L", does: "Loop or stop at the end", run: toggle("loops") },
  { keys: ["f"], shown: "F", does: "Follow people", run: toggle("followsPeople") },
  { keys: ["e"], shown: "E", does: "Show expected errors", run: toggle("showsExpectedErrors") },
  { keys: ["r"], shown: "R", does: "Ruler: click two joints", run: toggleRuler },
  { keys: ["0"], shown: "0", does: "Set the view back", isEverywhere: true, run: ({ viewResets }) => void viewResets.value++ },
  { keys: [..."123456789"], shown: "1 – 9", does: "Show or hide a person", run: (store, key) => togglePerson(store, Number(key) - 1) },
  { keys: ["Escape"], shown: "Esc", does: "Select nothing", run: clear },
  { keys: ["?", "h"], shown: "?", does: "This sheet", isEverywhere: true, run: toggle("showsHelp") },
];

/** The shortcut of a key, but for those that another element on the page needs. */
export function shortcutOf(event: KeyboardEvent): Shortcut | null {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return null;
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("dialog, textarea, select, input:not([type=range], [type=checkbox])")) return null;
  if (event.key === " " && target?.closest("button, a, summary, [type=checkbox]")) return null;
  if (target?.closest("[type=range], .panels") && /^(Arrow|Page|Home|End)/.test(event.key)) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return SHORTCUTS.find(({ keys }) => keys.includes(key)) ?? null;
}

/** The ruler, or back to looking. */
export function toggleRuler({ tool, ruler }: Store): void {
  tool.value = tool.value === "ruler" ? "look" : "ruler";
  if (tool.value === "look") ruler.value = [];
}

function changeSpeed({ speed }: Store, steps: number): void {
  const index = SPEEDS.indexOf(speed.value) + steps;
  speed.value = SPEEDS[Math.min(Math.max(index, 0), SPEEDS.length - 1)]!;
}

function clear({ selection, ruler, tool }: Store): void {
  selection.value = null;
  ruler.value = [];
  tool.value = "look";
}
