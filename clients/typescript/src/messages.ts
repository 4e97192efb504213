/**
 * The messages of the service, with the names that its JSON has. The guide to the service describes
 * each field; keypoints are pixels (x right, y down), poses metres.
 */

/** x, y and a score; null where the joint is missing, as is one whose x or y is. */
export type Joint = readonly (number | null)[] | null;

/** One person in one frame, joint by joint; null where no person is detected. */
export type Keypoints = readonly Joint[] | null;

export type Axes = "camera" | "y_up" | "z_up";
export type Quality = "measured" | "filled" | "unknown";
export type Vector = [number, number, number];

/** Intrinsics in pixels, and lens distortion as in OpenCV. */
export interface Camera {
  focal_length?: number | [number, number];
  /** Across the image's width, instead of a focal length. */
  fov_degrees?: number;
  principal_point?: [number, number];
  radial?: [number, number, number];
  tangential?: [number, number];
}

/** What clips and live sessions have in common. */
export interface PoseOptions {
  /** Width and height in pixels. */
  image_size: [number, number];
  model?: string;
  fps?: number;
  keypoint_format?: string;
  coordinates?: "pixels" | "normalized";
  camera?: Camera;
  min_score?: number;
  axes?: Axes;
  person_height_m?: number;
  smoothing_s?: number;
}

/** One person's keypoints, frame by frame. */
export interface Clip {
  id?: string;
  keypoints: readonly Keypoints[];
  first_frame?: number;
  timestamps_s?: readonly number[];
}

export interface LiftRequest extends PoseOptions {
  clips: readonly Clip[];
  flip_augmentation?: boolean;
  constant_bone_lengths?: boolean;
  ground_contact?: boolean;
}

/** What a file does not say, or says wrongly. */
export interface ConvertOptions {
  reader?: string;
  keypoint_format?: string;
  image_size?: [number, number];
  fps?: number;
  /** People detected in fewer frames are left out. */
  min_frames?: number;
}

/** A file as a lift request, and how it was read. */
export interface Converted {
  /** Without `image_size` where neither the file nor the options tell it. */
  request: Omit<LiftRequest, "image_size"> & { image_size?: [number, number] };
  reader: string;
  notes: string[];
}

export interface ListedDetector {
  name: string;
  installed: boolean;
  keypoint_format: string;
}

export interface DetectOptions {
  /** One that the server has installed; MediaPipe if left out. */
  detector?: string;
  /** How many people to look for. */
  people?: number;
  /** People detected in fewer frames are left out. */
  min_frames?: number;
}

/** How far a detector is in a video; `frames` is null where the file does not tell. */
export interface Progress {
  frame: number;
  frames: number | null;
}

/** The people in a video as a lift request, and how the video was read. */
export interface Detected {
  request: LiftRequest;
  warnings: string[];
}

/** What comes of a video, line by line. */
export type DetectLine = { progress: Progress } | Detected | { error: Problem };

export interface Model {
  name: string;
  version: string;
  causal: boolean;
  receptive_field: number;
  keypoint_format: string;
  licence: string;
}

/** A model as `models()` lists it; the rest of its card has the names of `GET /v1/models`. */
export interface ListedModel extends Model {
  aliases: string[];
  [detail: string]: unknown;
}

export interface Skeleton {
  name: string;
  joints: string[];
  /** For each joint the index of its parent; -1 for the root. */
  parents: number[];
}

/** Something about the input that makes poses doubtful. */
export interface InputWarning {
  code: string;
  detail: string;
  clip?: string;
  track_id?: string;
  frames?: [number, number];
}

export interface LiftedClip {
  id: string;
  /** Frame by frame, relative to the root joint; null where unknown. */
  poses: (Vector[] | null)[];
  /** The root's path, of models that estimate it. */
  trajectory: (Vector | null)[] | null;
  expected_errors: (number[] | null)[] | null;
  quality: Quality[];
  /** For each frame one letter a joint: m measured, f filled, r rejected, n never seen. */
  joint_quality: string[];
  first_frame: number;
}

export interface LiftResponse {
  model: Model;
  skeleton: Skeleton;
  units: "metres";
  axes: Axes;
  clips: LiftedClip[];
  warnings: InputWarning[];
}

/** How a live session is opened. */
export interface SessionOptions extends PoseOptions {
  /** A session of this id that exists is resumed. */
  session_id?: string;
  associate?: boolean;
  when_behind?: "wait" | "drop_oldest";
  lookahead_frames?: number;
  allow_gaps?: boolean;
}

/** One person in a live frame; `track_id` may be left out with `associate`. */
export interface Person {
  track_id?: string;
  keypoints: Keypoints;
}

/** What the service says when a session is open. */
export interface Opened {
  session_id: string;
  next_index: number;
  model: Model;
  skeleton: Skeleton;
  units: "metres";
  axes: Axes;
}

export interface PersonPose {
  track_id: string;
  pose: Vector[] | null;
  trajectory: Vector | null;
  expected_errors: number[] | null;
  quality: Quality;
  joint_quality: string;
  /** The place in the people that were pushed; null if not among them. */
  source: number | null;
  /** What was wrong with this person's keypoints. */
  problem?: Problem;
}

/** The answer to a live frame. */
export interface FramePoses {
  index: number;
  people: PersonPose[];
  /** false while the session store is away and the frame is only in the server's memory. */
  durable?: boolean;
  warnings?: InputWarning[];
}

/** RFC 9457. */
export interface Problem {
  type: string;
  title?: string;
  detail?: string;
  errors?: FieldError[];
}

/** A wrong place in the input, and what was expected there. */
export interface FieldError {
  where: string;
  expected: string;
}

/** What comes over a stream. */
export interface StreamAnswer {
  opened?: Opened;
  pose?: FramePoses & { problem?: Problem; next_index?: number };
  notice?: { session_id: string; next_index: number; problem: Problem };
}
