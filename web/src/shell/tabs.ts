/** The tabs of the page, in their order. Add one here. */

import type { ComponentType } from "preact";
import { ClipTab } from "../clip/clip-tab";
import { LiveTab } from "../live/live-tab";

export interface Tab {
  /** In the address, after #. */
  id: string;
  label: string;
  component: ComponentType;
  /** Whether it shows the clip that is open: then it has its keys and notices. */
  showsClip: boolean;
}

export const TABS: readonly Tab[] = [
  { id: "clip", label: "Clip", component: ClipTab, showsClip: true },
  { id: "live", label: "Live", component: LiveTab, showsClip: false },
];
