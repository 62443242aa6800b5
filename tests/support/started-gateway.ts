/** `npm start` as a newcomer says it: a process of its own with a sandbox, its own folders, a free port. */
import { GatewayProcess } from './gateway-process.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface StartedGateway extends AsyncDisposable {
  readonly url: string;
}

/** Resolves when it listens and its sandbox is connected. The scope ends it with SIGTERM, which npm passes on. */
export async function startedGateway(environment: Readonly<Record<string, string>> = {}): Promise<StartedGateway> {
  const folder = await temporaryFolder();
  const gateway = await GatewayProcess.start({ instances: ['sandbox'], folder: folder.path, env: { LOG_LEVEL: 'info', ...environment }, command: ['npm', 'start'] });
  return {
    url: gateway.url,
    async [Symbol.asyncDispose]() {
      await gateway.kill('SIGTERM');
      await folder[Symbol.asyncDispose]();
    },
  };
}
