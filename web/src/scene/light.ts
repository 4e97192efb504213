/** Where light comes from. */

import { Vector3 } from "three";

/** The direction to the sun. */
export const SUN = new Vector3(2.5, 9, 4);
