/** The packages that the design names are used by the running code, each where it belongs. */
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { importsOf, sourceFiles } from '../support/source.ts';

/** Package → where running code imports it. */
const wanted = {
  express: ['src/entry/http/app.ts'],
  ws: ['src/atoms/websocket/websocket.ts', 'src/entry/live/door.ts'],
  axios: ['src/atoms/http-stream/http-stream.ts', 'src/atoms/http/http.ts'],
  zod: ['src/core/config.ts', 'src/entry/live/messages.ts', 'src/models/workflow.ts'],
  'form-data': ['src/atoms/http-stream/http-stream.ts'],
  winston: ['src/core/logger.ts'],
  tsyringe: ['src/entry/container.ts'],
};

type Imports = ReadonlyMap<string, readonly string[]>;
const source = sourceFiles('src', 'source');
const files: Imports = new Map(source.map((file) => [file.path, importsOf(file)]));

/** Every file that the first one leads to. */
function reached(imports: Imports, path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const name of imports.get(path) ?? []) if (name.startsWith('.') && name.endsWith('.ts')) reached(imports, posix.join(posix.dirname(path), name), seen);
  return seen;
}

const running = reached(files, 'src/entry/main.ts');

describe('running code', () => {
  it.each(Object.entries(wanted))('uses %s', (name, places) => {
    expect(packageJson.dependencies).toHaveProperty([name]);
    const users = [...running].filter((path) => files.get(path)?.includes(name));
    expect(users).toEqual(expect.arrayContaining(places));
  });

  it('uses every dependency but the one that runs it, and no package that is not one', () => {
    const used = new Set([...running].flatMap((path) => files.get(path) ?? []).filter((name) => !/^(\.|node:)/.test(name)).map((name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')));
    const resolved = ['swagger-ui-dist', 'redoc'];
    expect([...used, ...resolved, 'node'].toSorted()).toEqual(Object.keys(packageJson.dependencies).toSorted());
  });

  it('leaves no file of src unused', () => {
    const known = reached(new Map(source.map((file) => [file.path, importsOf(file, { types: true })])), 'src/entry/main.ts');
    expect(source.map((file) => file.path).filter((path) => !known.has(path))).toEqual([]);
  });
});
