/** Opens a video file, to play it as if it were a camera. */

import { Detector } from "../detector/detector";
import type { Accuracy } from "../detector/messages";
import { DetectedVideo } from "./detected-video";

/** Browsers do not tell a file's frame rate; frames have times, so it is only noted. */
const USUAL_FPS = 30;

export async function openVideoFile(file: File, accuracy: Accuracy, repeats: () => boolean): Promise<DetectedVideo> {
  const url = URL.createObjectURL(file);
  const release = (): void => URL.revokeObjectURL(url);
  try {
    const video = await loaded(url, file.name);
    const detector = await Detector.load(accuracy);
    const plan = { title: file.name, video, fps: USUAL_FPS, isMirror: false, isFile: true, repeats, release };
    return new DetectedVideo(plan, detector);
  } catch (error) {
    release();
    throw error;
  }
}

function loaded(url: string, name: string): Promise<HTMLVideoElement> {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  return new Promise((resolve, reject) => {
    video.onloadeddata = () => resolve(video);
    video.onerror = () => reject(new Error(`This browser cannot play ${name}. MP4 with H.264 and WebM play nearly everywhere.`));
    video.src = url;
  });
}
