/** Finds the lift request in a file: asks the server what is in it, and the user what it does not say. */

import { InvalidInput, NotFound, type Converted, type ConvertOptions, type FieldError, type LiftRequest } from "poselift";
import { liftRequestIn, likelySize } from "./files";
import { askAboutFile } from "./questions";
import type { Service } from "./service";
import type { OpenedClip, Store } from "./store";

const USUAL_FPS = 30;
/** What the server says where only the name of a format or reader is missing. */
const CAN_BE_TOLD = /which the file does not tell: (?!none )|found that .+ read it: name one/;

/** A lift request, and how it was read. */
export type Found = Pick<OpenedClip, "request" | "notes">;

/** What a file is to be read as; null if the user gives up. `isTold` if the user said what is known. */
export async function requestIn(
  file: File,
  known: ConvertOptions,
  isTold: boolean,
  { store, service }: { store: Store; service: Service },
): Promise<Found | null> {
  const again = async (supposed: ConvertOptions, refusal: string | null, found: Converted["request"] | null): Promise<Found | null> => {
    const told = await askAboutFile(store, file.name, supposed, refusal, found);
    return told && requestIn(file, told, true, { store, service });
  };
  try {
    const { request, notes } = await service.convert(file, known);
    return isWhole(request) ? { request, notes } : await again(supposed(request, known), null, request);
  } catch (error) {
    // A server that is open to a network converts nothing, and takes lift requests as they are.
    const request = error instanceof NotFound ? liftRequestIn(await file.text()) : null;
    if (request) return { request, notes: [] };
    if (error instanceof InvalidInput && (isTold || CAN_BE_TOLD.test(error.message))) return again(known, error.message, null);
    throw error;
  }
}

/** What each reader looks for, apart, in a refusal of a file that none of them takes. */
export function soughtIn(message: string): { detail: string; places: FieldError[] } | null {
  const [, detail, readers] = /^(.* known format) \((.+)$/s.exec(message) ?? [];
  if (!detail || !readers) return null;
  const places = readers.split(/; (?=[\w-]+: )/).map((each) => {
    const [where, ...expected] = each.split(": ");
    return { where: where!, expected: expected.join(": ") };
  });
  return { detail: `${detail}. Each of these was looked for:`, places };
}

/** What a request says of its file. */
export function knownOf({ image_size, fps, keypoint_format }: LiftRequest): ConvertOptions {
  return { image_size, ...(fps && { fps }), ...(keypoint_format && { keypoint_format }) };
}

function isWhole(request: Converted["request"]): request is LiftRequest {
  return request.image_size !== undefined;
}

function supposed(request: Converted["request"], known: ConvertOptions): ConvertOptions {
  return { image_size: likelySize(request), fps: request.fps ?? USUAL_FPS, ...known };
}
