/** A person's keypoints in an image of some size: with a wrong one they are squashed, or outside. */

import type { Keypoints, LiftRequest } from "poselift";
import { useEffect, useRef } from "preact/hooks";
import { DEFAULT_FORMAT, FORMATS } from "../motion/joints";
import { SURROUNDINGS } from "../scene/colours";
import { usePage } from "../state/store-context";
import { drawPerson, inkOf, inPixels } from "./keypoints-drawing";

const [WIDTH_PX, HEIGHT_PX] = [240, 150];

export function KeypointsPreview({ request }: { request: LiftRequest }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = usePage().store.theme.value;
  const [width, height] = request.image_size;
  const scale = Math.min(WIDTH_PX / width, HEIGHT_PX / height);
  useEffect(() => {
    const ratio = globalThis.devicePixelRatio;
    [canvas.current!.width, canvas.current!.height] = [width * scale * ratio, height * scale * ratio];
    const pen = canvas.current!.getContext("2d")!;
    pen.scale(scale * ratio, scale * ratio);
    pen.lineWidth = 3 / scale;
    pen.strokeStyle = SURROUNDINGS[theme].line;
    pen.strokeRect(0, 0, width, height);
    const format = FORMATS[request.keypoint_format ?? DEFAULT_FORMAT];
    if (format) drawPerson(pen, { keypoints: fullest(request), format, clip: undefined, frame: 0 }, scale, inkOf(theme));
  }, [request, width, height, theme]);
  const style = { width: `${width * scale}px`, height: `${height * scale}px` };
  return <canvas ref={canvas} class="preview" style={style} role="img" aria-label={`Keypoints in an image of ${width} × ${height}`} />;
}

/** A person in the middle one of the frames in which most of their joints were found. */
function fullest(request: LiftRequest): Keypoints {
  const frames = inPixels(request).clips.flatMap(({ keypoints }) => keypoints);
  const counts = frames.map((frame) => (frame ?? []).filter((joint) => joint && joint[2] !== 0).length);
  const most = Math.max(...counts);
  const full = frames.filter((_, index) => counts[index] === most);
  return full[full.length >> 1] ?? null;
}
