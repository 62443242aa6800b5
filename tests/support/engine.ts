/** What stands behind the gateway in tests: the sandbox, or real servers named by COMFYUI_LIVE_URL. */
import { type RunningSandbox, type SandboxOptions, startSandbox } from '../../sandbox/comfyui/server.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface Engine extends AsyncDisposable {
  readonly url: string;
}

export interface TestSandbox extends Engine {
  readonly sandbox: RunningSandbox;
}

/** Addresses of real servers, separated by commas; empty for the sandbox. */
export const liveUrls: readonly string[] = (process.env['COMFYUI_LIVE_URL'] ?? '').split(',').map((url) => url.trim()).filter(Boolean);

/** How many engines a test may ask for. */
export const enginesThere = liveUrls.length === 0 ? Number.POSITIVE_INFINITY : liveUrls.length;

/** The n-th engine: a sandbox of its own, or the n-th live server. */
export async function startEngine(n = 0): Promise<Engine> {
  const live = liveUrls[n];
  if (live !== undefined) return { url: live, [Symbol.asyncDispose]: () => Promise.resolve() };
  return startTestSandbox();
}

/** A sandbox in this process, with its knobs at hand. */
export async function startTestSandbox(options: Omit<SandboxOptions, 'dataDir'> = {}): Promise<TestSandbox> {
  const folder = await temporaryFolder();
  const sandbox = await startSandbox({ ...options, dataDir: folder.path });
  return {
    sandbox,
    url: sandbox.url,
    async [Symbol.asyncDispose]() {
      await sandbox.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}
