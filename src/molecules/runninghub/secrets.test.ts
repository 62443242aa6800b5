/** Every reply that is known, with the key planted all over it, through every method: nothing that comes back or is thrown holds it. */
import { inspect } from 'node:util';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { type Reply, replyNames, replyOf, ScriptedHub } from '../../../tests/support/runninghub-replies.ts';
import { HttpStream } from '../../atoms/http-stream/http-stream.ts';
import { HttpText } from '../../atoms/http/http.ts';
import { hubDialects, hubKeyPlaces, type HubDialect, type HubKeyPlace, type RunningHubApi } from '../../models/runninghub.ts';
import { RunningHub } from './client.ts';

const never = new AbortController().signal;
const key = 'PlantedKey0123456789abcdef012345';
const signature = 'FAKE_AUTH_BLOB';
const parts = { http: new HttpText(), stream: new HttpStream() };
const server = new ScriptedHub();
beforeAll(() => server.start());
afterAll(async () => {
  parts.http.close();
  parts.stream.close();
  await server.close();
});

const run = { nodeInfoList: [{ nodeId: '1', fieldName: 'text', fieldValue: 'x' }] };
const methods: Readonly<Record<keyof RunningHubApi, (hub: RunningHub, signal: AbortSignal) => Promise<unknown>>> = {
  upload: (hub, signal) => hub.upload({ name: 'a.png', mediaType: 'image/png', size: 1, open: () => Readable.from(['x']) }, signal),
  runWorkflow: (hub, signal) => hub.runWorkflow('1', run, signal),
  runApp: (hub, signal) => hub.runApp('1', run, signal),
  outputs: (hub, signal) => hub.outputs('1', signal),
  status: (hub, signal) => hub.status('1', signal),
  query: (hub, signal) => hub.query('1', signal),
  progress: async (hub, signal) => {
    for await (const progress of hub.progress('1', signal)) return progress;
    return undefined;
  },
  cancel: (hub, signal) => hub.cancel('1', signal),
  accountStatus: (hub, signal) => hub.accountStatus(signal),
  queueStatus: (hub, signal) => hub.queueStatus(signal),
  appInfo: (hub, signal) => hub.appInfo('1', signal),
  workflowFormat: (hub, signal) => hub.workflowFormat('1', signal),
};

const hubOf = (dialect: HubDialect, keyPlace: HubKeyPlace, baseUrl = server.url): RunningHub => new RunningHub(parts, { baseUrl, apiKey: key, keyPlace, timeoutMs: 5_000, dialect });

/** All that can be seen of a value: as JSON, and as an inspector shows it, with causes, stacks and what is not enumerable. */
function seen(value: unknown): string {
  const causes: unknown[] = [];
  for (let one = value; one instanceof Error; one = one.cause) causes.push(JSON.stringify(one), one.message, one.stack);
  const errorInside = typeof value === 'object' && value !== null && 'error' in value ? seen(value.error) : '';
  return [JSON.stringify(value), inspect(value, { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null }), ...causes, errorInside].join('\n');
}

async function toldBy(hub: RunningHub, method: keyof RunningHubApi, signal = never): Promise<string> {
  return methods[method](hub, signal).then(seen, seen);
}

/** The key in every text of the reply, as name of a field, and in place of the keys that fixtures have. */
function planted(reply: Reply): Reply {
  const plant = (value: unknown): unknown => {
    if (typeof value === 'string') return `${value.replaceAll('FAKE_KEY_0000000000000000000000', key)} ${key} wss://hub/ws?Rh-Comfy-Auth=${signature}`;
    if (Array.isArray(value)) return value.map(plant);
    if (typeof value === 'object' && value !== null) return Object.fromEntries([...Object.entries(value).map(([name, one]) => [name, plant(one)]), [key, key], ['url', `https://x/${key}`]]);
    return value;
  };
  const isJson = reply.text.startsWith('{') && !reply.text.includes('1994070439827980290}');
  return { ...reply, text: isJson ? JSON.stringify(plant(JSON.parse(reply.text))) : `${reply.text} Bearer ${key} apiKey=${encodeURIComponent(key)}` };
}

/** As `planted`, but only where no code, state or name is: so that the reply still means what it meant. */
const echoed = (reply: Reply): Reply => ({ ...reply, text: reply.text.replaceAll('FAKE_KEY_0000000000000000000000', key).replace(/"(msg|message|errorMessage|exception_message|description|text|fileValue|error)":\s*"/g, `"$1":"${key} `) });

function leaksNothing(told: string, where: string): void {
  expect(told.length, where).toBeGreaterThan(2);
  expect(told.toLowerCase().includes(key.toLowerCase()), `${where}: ${told.slice(0, 2_000)}`).toBe(false);
  expect(told.includes(signature) || told.includes('wss://'), `${where}: ${told.slice(0, 2_000)}`).toBe(false);
}

const everyMethod = Object.keys(methods).filter((name): name is keyof RunningHubApi => name in methods);

describe('the key, and the signature of the progress socket', () => {
  it('are looked for in as many replies as there are', () => {
    expect(replyNames.length).toBeGreaterThan(80);
  });

  test.each(replyNames)('never come out again: %s', async (name) => {
    for (const dialect of hubDialects) {
      for (const reply of [planted(replyOf(name)), echoed(replyOf(name)), { ...planted(replyOf(name)), status: 500 }]) {
        server.says(reply);
        const hub = hubOf(dialect, 'both');
        await Promise.all(everyMethod.map(async (method) => leaksNothing(await toldBy(hub, method), `${method} in ${dialect}`)));
      }
    }
  });

  test.each(hubKeyPlaces)('do not come out of calls without an answer, with the key in the %s', async (keyPlace) => {
    for (const dialect of hubDialects) {
      server.says('status.running');
      server.instead = 'cut';
      const gone = hubOf(dialect, keyPlace, 'http://127.0.0.1:1');
      await Promise.all(everyMethod.map(async (method) => {
        for (const told of [await toldBy(hubOf(dialect, keyPlace), method), await toldBy(gone, method), await toldBy(gone, method, AbortSignal.abort())]) leaksNothing(told, method);
      }));
    }
  });

  it('do not come out of the client itself', () => {
    expect(seen(hubOf('v1', 'both'))).not.toContain(key);
    expect(seen(hubOf('v1', 'both').facts)).not.toContain(key);
  });
});
