/** docs/events.md says what the socket says: its examples are taken, its tables have every message and every field. */
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/constants/limits.ts';
import { ClientMessage, clientMessageTypes } from '../../src/entry/live/messages.ts';
import { promptEventTypes } from '../../src/models/upstream-event.ts';
import { startTestSandbox } from '../support/engine.ts';
import { startTestGateway } from '../support/gateway.ts';
import { longWork, solidColour, textToImage } from '../support/graphs.ts';
import type { Message } from '../support/socket.ts';

const text = await readFile(new URL('../../docs/events.md', import.meta.url), 'utf8');

/** Rows of the table that begins with that cell. */
function rows(first: string): string[][] {
  const lines = text.slice(text.indexOf(`| ${first} |`)).split('\n').slice(2);
  return lines.slice(0, lines.findIndex((line) => !line.startsWith('|'))).map((line) => line.slice(1, -1).split('|').map((cell) => cell.trim()));
}

const bare = (cell = ''): string => cell.replaceAll('`', '');
const sent = rows('`type` | `data` | answer');
const received = rows('`type` | kind | `data` besides `prompt_id`, `seq`');
const events = rows('`event` | says | besides `request_id`');
const examples = [...text.matchAll(/^```json\n([^]*?)^```/gm)].flatMap((match) => (match[1] ?? '').trim().split('\n')).map((line): unknown => JSON.parse(line));
const typeOf = (example: unknown): string => String(Object(example).type);

/** Fields that the tables leave out of the rows. */
const everywhere = new Set(['event', 'prompt_id', 'task_id', 'seq', 'request_id', 'timestamp']);

function undocumented({ type, data }: Message): string[] {
  const event = typeof data['event'] === 'string' ? data['event'] : '';
  const row = type === 'system' ? events.find(([name]) => bare(name) === event) : received.find(([name]) => bare(name) === type);
  if (!row) return [`${type} ${event}`];
  return Object.keys(data).filter((field) => !everywhere.has(field) && !row.join(' ').includes(field)).map((field) => `${type} ${event}: ${field}`);
}

describe('docs/events.md', () => {
  it('has every message that a client may send, each with an example that is taken', () => {
    expect(sent.map(([type]) => bare(type))).toEqual(clientMessageTypes);
    const mine = examples.filter((example) => clientMessageTypes.some((type) => type === typeOf(example)));
    expect(new Set(mine.map(typeOf))).toEqual(new Set(clientMessageTypes));
    for (const example of mine) expect(ClientMessage.safeParse(example).error?.message).toBeUndefined();
  });

  it('has every message of the server, each with an example', () => {
    const types = received.map(([type]) => bare(type));
    expect(types).toEqual(expect.arrayContaining([...promptEventTypes, 'status', 'progress_text', 'system', 'result', 'feature_flags']));
    expect(types.filter((type) => !examples.some((example) => typeOf(example) === type))).toEqual([]);
    for (const [event] of events) expect(text).toContain(`"event": "${bare(event)}"`);
  });

  it('names the limits as they are', () => {
    const written = { idLength: 'up to 128', replayStates: 'newest 512', replayBytes: '64 MiB for all', finishedPrompts: '2,000 newer', finishedAge: '15 minutes', mailboxBytes: 'When 8 MiB wait', mailboxStates: '4,096 wait', subscriptions: '1 to 1,000' };
    for (const phrase of Object.values(written)) expect(text).toContain(phrase);
    expect(limits).toMatchObject({ idLength: 128, replayStates: 512, replayBytes: 64 * 1024 ** 2, finishedPrompts: 2_000, finishedAge: 15 * 60_000, mailboxBytes: 8 * 1024 ** 2, mailboxStates: 4_096, subscriptions: 1_000 });
  });

  it('knows every field of what a gateway really sends', async () => {
    await using engine = await startTestSandbox();
    await using gateway = await startTestGateway({ instances: [engine.url] });
    using socket = await gateway.socket('reader');
    await socket.ask('ping');
    await socket.ask('submit', { workflow: {} });
    await socket.ask('subscribe', { items: [{ prompt_id: 'nobodys' }] });
    await socket.ask('unsubscribe', { items: [{ prompt_id: 'nobodys' }] });
    socket.send({ type: 'feature_flags', data: {} });
    const done = await gateway.submit(textToImage(2), { client_id: 'reader' });
    await socket.ending(done.prompt_id);
    const failing = await gateway.submit({ ...solidColour(), '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: '../../outside' } } }, { client_id: 'reader' });
    expect((await socket.ending(failing.prompt_id)).type).toBe('execution_error');
    const stopped = await gateway.submit(longWork(), { client_id: 'reader' });
    await socket.waitFor((message) => message.type === 'executing' && message.data['prompt_id'] === stopped.prompt_id);
    await socket.ask('interrupt', { prompt_id: stopped.prompt_id });
    await socket.ending(stopped.prompt_id);
    await socket.ask('subscribe', { items: [{ prompt_id: done.prompt_id, since: 99 }] });
    await socket.waitFor((message) => message.data['event'] === 'reset');
    expect([...new Set(socket.messages.flatMap(undocumented))]).toEqual([]);
    expect(socket.messages.map((message) => message.type)).toEqual(expect.arrayContaining(['status', 'feature_flags', 'progress', 'progress_state', 'executed', 'result', 'execution_interrupted']));
  });
});
