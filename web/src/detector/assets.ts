/** The files of MediaPipe Pose, by the names under which it asks for them; served with the page. */

import packedAssets from "@mediapipe/pose/pose_solution_packed_assets.data?url";
import packedAssetsLoader from "@mediapipe/pose/pose_solution_packed_assets_loader.js?url";
import solution from "@mediapipe/pose/pose.js?url";
import modelFull from "@mediapipe/pose/pose_landmark_full.tflite?url";
import modelLite from "@mediapipe/pose/pose_landmark_lite.tflite?url";
import program from "@mediapipe/pose/pose_solution_simd_wasm_bin.js?url";
import programBinary from "@mediapipe/pose/pose_solution_simd_wasm_bin.wasm?url";
import graph from "@mediapipe/pose/pose_web.binarypb?url&no-inline";

/** Where `Pose` is. */
export const SOLUTION_URL = solution;

/** Without the heavy model and the program for browsers without SIMD, which are too large for what they add. */
export const FILES: Readonly<Record<string, string>> = {
  "pose_solution_packed_assets.data": packedAssets,
  "pose_solution_packed_assets_loader.js": packedAssetsLoader,
  "pose_landmark_full.tflite": modelFull,
  "pose_landmark_lite.tflite": modelLite,
  "pose_solution_simd_wasm_bin.js": program,
  "pose_solution_simd_wasm_bin.wasm": programBinary,
  "pose_web.binarypb": graph,
};
