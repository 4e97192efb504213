/** What the browser remembers, and what its user asked the system for. */

import type { Theme } from "./store";

const THEME = "poselift.theme";

/** The theme that was chosen here, else that of the system. */
export function preferredTheme(): Theme {
  const chosen = localStorage.getItem(THEME);
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Keep a theme that was chosen. */
export function rememberTheme(theme: Theme): void {
  localStorage.setItem(THEME, theme);
}

/** Should things move by themselves? */
export function prefersStillness(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
