/** The document's two readers in a real browser that can reach nothing but the gateway. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { PipelineTask, WorkflowTask } from '../../src/models/task.ts';
import { launchBrowser, openPage } from '../support/browser.ts';
import { startApp, type TestApp } from '../support/http-app.ts';

let browser: Browser;
let app: TestApp;

beforeAll(async () => {
  browser = await launchBrowser();
  app = await startApp({}, { queue: { status: async () => ({ running: [], pending: [], queue_remaining: 0, others: { running: 0, pending: 0 }, instances: [] }) }, catalog: { newTask: () => z.union([WorkflowTask, PipelineTask]).meta({ id: 'NewTask' }) } });
});
afterAll(async () => {
  await browser.close();
  await app[Symbol.asyncDispose]();
});

describe('in a browser, offline', () => {
  it('Swagger UI shows every area and can try a call', async () => {
    const { page, complaints } = await openPage(browser, `${app.url}/docs`);
    for (const tag of ['Workflows', 'Queue', 'Images', 'Service']) await page.locator(`#operations-tag-${tag}`).waitFor();
    const queue = page.locator('#operations-Queue-getQueue');
    await queue.locator('.opblock-summary-control').click();
    await queue.getByRole('button', { name: 'Try it out' }).click();
    await queue.getByRole('button', { name: 'Execute' }).click();
    await queue.locator('.live-responses-table .response-col_status', { hasText: '200' }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('Swagger UI shows the headers of a call, every way of making a task by its title, and refusals as they come', async () => {
    const { page, complaints } = await openPage(browser, `${app.url}/docs`);
    const create = page.locator('#operations-Tasks-createTask');
    await create.locator('.opblock-summary-control').click();
    for (const name of ['Idempotency-Key', 'Prefer']) await create.locator(`tr[data-param-in="header"][data-param-name="${name}"]`).waitFor();
    await create.locator('tr.response[data-code="503"]').getByText('urn:comfyui-gateway:problem:INTERNAL_ERROR').waitFor();
    const body = create.locator('.opblock-section-request-body');
    await body.getByRole('tab', { name: 'Schema' }).click();
    await body.locator('.json-schema-2020-12-keyword--anyOf button').first().click();
    for (const title of ['graph', 'pipeline: any']) await body.locator('.json-schema-2020-12__title', { hasText: title }).waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('ReDoc shows every area and finds a call', async () => {
    const { page, complaints } = await openPage(browser, `${app.url}/redoc`);
    await page.getByRole('heading', { name: 'Submit a workflow' }).waitFor();
    await page.getByRole('heading', { name: 'Ticket for a browser socket' }).waitFor();
    await page.locator('input[type="text"]').first().fill('interrupt');
    await page.locator('[data-role="search:results"]').getByText('Stop a prompt').first().waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});
