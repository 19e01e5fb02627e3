import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    typecheck: { enabled: true, include: ["test/**/*.test-d.ts"] },
    // Tests import `fused-loss`, the package's own name, so dist/ by its exports: Node loads it as it would a user's copy.
    server: { deps: { external: [/\/dist\//] } },
  },
});
