// The Khronos validator reads every GLB file of a folder: node check_gltf.mjs FOLDER MODULES
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [folder, modules] = process.argv.slice(2);
const validator = createRequire(join(resolve(modules), "package.json"))("gltf-validator");
let failed = false;
for (const name of readdirSync(folder).filter((each) => each.endsWith(".glb"))) {
  const report = await validator.validateBytes(new Uint8Array(readFileSync(join(folder, name))));
  const { numErrors, numWarnings, messages } = report.issues;
  console.log(`glTF validator ${report.validatorVersion}: ${name}: ${numErrors} errors, ${numWarnings} warnings`);
  if (numErrors + numWarnings > 0) {
    console.log(messages.slice(0, 10));
    failed = true;
  }
}
process.exit(failed ? 1 : 0);
