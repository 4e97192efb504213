import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const from = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  // Relative, so that the page also works behind a proxy that serves it under a path.
  base: "./",
  resolve: { alias: { poselift: from("../clients/typescript/src/index.ts") } },
  build: {
    outDir: from("../service/page"),
    assetsDir: "page",
    emptyOutDir: true,
    license: { fileName: "licences.md" },
    target: "es2022",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { "/v1": { target: "http://127.0.0.1:8000", ws: true } } },
});
