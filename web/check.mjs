/** Builds the page into a temporary folder and compares: is what is committed current? */

import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const web = fileURLToPath(new URL(".", import.meta.url));
const committed = join(web, "..", "service", "page");
const built = mkdtempSync(join(tmpdir(), "poselift-page-"));

function contents(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((file) => join(file.parentPath, file.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

try {
  execFileSync(process.execPath, [join(web, "node_modules", "typescript", "bin", "tsc")], { cwd: web, stdio: "inherit" });
  await build({ root: web, logLevel: "error", build: { outDir: built, emptyOutDir: true } });
  const [now, then] = [contents(built), contents(committed)];
  const stale = [...new Set([...now.keys(), ...then.keys()])].filter((path) => !now.get(path)?.equals(then.get(path) ?? Buffer.alloc(0)));
  if (stale.length > 0) {
    console.error(`service/page is not what web/ builds: run make page. Different: ${stale.join(", ")}`);
    process.exitCode = 1;
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(built, { recursive: true });
}
