/** The panels beside the views, in their order; each is a `<Panel>`, or nothing while it has nothing to tell. Add one here. */

import type { ComponentType } from "preact";
import { ClipsPanel } from "./clips-panel";
import { JointsPanel } from "./joints-panel";
import { PeoplePanel } from "./people-panel";
import { RulerPanel } from "./ruler-panel";
import { WarningsPanel } from "./warnings-panel";

export const PANELS: readonly ComponentType[] = [RulerPanel, ClipsPanel, WarningsPanel, PeoplePanel, JointsPanel];
