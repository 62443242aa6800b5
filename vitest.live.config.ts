/** The end-to-end tests that turn no knobs, against a real ComfyUI: COMFYUI_LIVE_URL=http://127.0.0.1:8188 npm run test:live. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/e2e/**/*.test.ts'],
    exclude: ['tests/e2e/faults/**', 'node_modules/**'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 1,
  },
});
