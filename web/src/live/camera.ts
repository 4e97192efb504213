/** Opens the computer's camera. */

import { Detector } from "../detector/detector";
import type { Accuracy } from "../detector/messages";
import { DetectedVideo } from "./detected-video";

const USUAL_FPS = 30;

/** Why there can be no camera, in words; null if there can. */
export function cameraObstacle(): string | null {
  if (!isSecureContext) {
    return "Browsers give a camera only to pages from this computer (http://localhost) or over HTTPS. Open the page at such an address, or use a file.";
  }
  return navigator.mediaDevices ? null : "This browser has no access to cameras.";
}

/** The cameras that there are; without names until one was allowed. */
export async function listCameras(): Promise<MediaDeviceInfo[]> {
  if (cameraObstacle() !== null) return [];
  return (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
}

/** Ask for a camera and load the detector. */
export async function openCamera(deviceId: string, accuracy: Accuracy): Promise<DetectedVideo> {
  const stream = await askedFor(deviceId);
  const release = (): void => stream.getTracks().forEach((track) => track.stop());
  try {
    const video = await playing(stream);
    const detector = await Detector.load(accuracy);
    const [track] = stream.getVideoTracks();
    const fps = track!.getSettings().frameRate ?? USUAL_FPS;
    const plan = { title: "Camera", video, fps, isMirror: true, isFile: false, repeats: () => false, release };
    const source = new DetectedVideo(plan, detector);
    track!.onended = () => source.fail(new Error("the camera was unplugged or switched off"));
    return source;
  } catch (error) {
    release();
    throw error;
  }
}

async function askedFor(deviceId: string): Promise<MediaStream> {
  const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: USUAL_FPS } };
  const video = deviceId ? { ...wanted, deviceId: { exact: deviceId } } : { ...wanted, facingMode: "user" };
  try {
    return await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new Error(inWords(error), { cause: error });
  }
}

function inWords(error: unknown): string {
  switch (error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
      return "The camera was not allowed. Allow it for this page in the browser's settings, then start again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No camera was found.";
    case "NotReadableError":
      return "The camera is in use by another program.";
    default:
      return `The camera cannot be opened: ${String(error)}`;
  }
}

async function playing(stream: MediaStream): Promise<HTMLVideoElement> {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = stream;
  await video.play(); // until then its size is unknown
  return video;
}
