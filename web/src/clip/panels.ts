/** The panels beside the views, in their order; each is a `<Panel>`, or nothing while it has nothing to tell. Add one here. */

import type { ComponentType } from "preact";
import { AnglesPanel } from "./angles-panel";
import { ClipsPanel } from "./clips-panel";
import { ComparePanel } from "./compare-panel";
import { ExportPanel } from "./export-panel";
import { JointsPanel } from "./joints-panel";
import { OptionsPanel } from "./options-panel";
import { PeoplePanel } from "./people-panel";
import { RulerPanel } from "./ruler-panel";
import { WarningsPanel } from "./warnings-panel";

export const PANELS: readonly ComponentType[] = [
  RulerPanel,
  ClipsPanel,
  ExportPanel,
  WarningsPanel,
  PeoplePanel,
  OptionsPanel,
  ComparePanel,
  AnglesPanel,
  JointsPanel,
];
