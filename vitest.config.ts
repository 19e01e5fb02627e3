import { defineConfig } from "vitest/config";

/** They install engines and browsers, and take minutes: `npm run test:packaging`. */
const HOSTS = ["test/packaging/hosts.test.ts", "test/packaging/gallery.test.ts"];

export default defineConfig(({ mode }) => ({
  test: {
    ...(mode === "packaging" ? { include: ["test/packaging/*.test.ts"] } : { include: ["test/**/*.test.ts"], exclude: [...HOSTS, "**/node_modules/**"] }),
    typecheck: { enabled: mode !== "packaging", include: ["test/**/*.test-d.ts"] },
    // Tests import `fused-loss`, the package's own name, so dist/ by its exports: Node loads it as it would a user's copy.
    server: { deps: { external: [/\/dist\//] } },
  },
}));
