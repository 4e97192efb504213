/** The files of tools that the server writes (`POST /v1/lift` with `accept`). */

export interface OutputFormat {
  ending: string;
  /** On its button, instead of the ending. */
  label?: string;
  mediaType: string;
  /** What opens it. */
  about: string;
  hasRigs: boolean;
}

export const OUTPUT_FORMATS: readonly OutputFormat[] = [
  { ending: ".bvh", mediaType: "model/x-bvh", about: "Blender, Unity, Unreal, MotionBuilder", hasRigs: true },
  { ending: ".glb", mediaType: "model/gltf-binary", about: "A body with a skin: any 3D viewer", hasRigs: true },
  { ending: ".trc", mediaType: "text/x-trc", about: "Markers for OpenSim", hasRigs: false },
  { ending: ".mot", mediaType: "text/x-mot", about: "Joint angles for OpenSim", hasRigs: false },
  { ending: ".csv", mediaType: "text/csv", about: "Spreadsheets", hasRigs: false },
  { ending: ".parquet", mediaType: "application/vnd.apache.parquet", about: "pandas, Polars, DuckDB", hasRigs: false },
  { ending: ".videopose3d.npz", mediaType: "application/x-videopose3d", label: "VideoPose3D", about: "VideoPose3D and what reads its data sets", hasRigs: false },
  { ending: ".npz", mediaType: "application/x-npz", about: "NumPy", hasRigs: false },
];

export const ANGLES = "text/x-mot";

/** Names and rest poses of joints, with what takes them. */
export const RIGS: Readonly<Record<string, string>> = {
  h36m: "Human3.6M",
  mixamo: "Mixamo",
  vrm: "VRM, Unity humanoid",
  unreal: "Unreal",
  cmu: "CMU",
};
