import { describe, expect, it } from 'vitest';
import { problemOf, startApp } from '../../../../tests/support/http-app.ts';
import { fail } from '../../../core/errors.ts';
import type { TemplateView } from '../../../models/catalog.ts';

const view: TemplateView = { name: 'draw', title: 'Draw', description: '', inputs: [{ name: 'seed', type: 'integer', required: false, max: JSON.rawJSON('18446744073709551615') }], example: { template: 'draw', inputs: {} } };

describe('the catalog', () => {
  it('tells templates, digits kept', async () => {
    await using app = await startApp({}, { catalog: { templates: () => [view] } });
    expect(await (await fetch(`${app.url}/api/v1/templates`)).text()).toBe('{"templates":[{"name":"draw","title":"Draw","description":"","inputs":[{"name":"seed","type":"integer","required":false,"max":18446744073709551615}],"example":{"template":"draw","inputs":{}}}]}');
  });

  it('tells one of them, by whatever name it has', async () => {
    const asked: string[] = [];
    await using app = await startApp({}, { catalog: { template: (name) => {
      asked.push(name);
      if (name === 'nobody') throw fail('NOT_FOUND', `template "${name}".`);
      return { ...view, workflow: {} };
    } } });
    expect(await (await fetch(`${app.url}/api/v1/templates/${encodeURIComponent('a/b ä')}`)).json()).toMatchObject({ name: 'draw', workflow: {} });
    expect(asked).toEqual(['a/b ä']);
    expect(await problemOf(await fetch(`${app.url}/api/v1/templates/nobody`))).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it('tells engines and pipelines', async () => {
    const engine = { name: 'comfyui', type: 'comfyui', healthy: true, running: 1, pending: 2, capacity: 2 };
    await using app = await startApp({}, { catalog: { engines: () => Promise.resolve({ engines: [engine], pipelines: [] }) } });
    expect(await (await fetch(`${app.url}/api/v1/engines`)).json()).toEqual({ engines: [engine], pipelines: [] });
  });
});
