import { readdir } from 'node:fs/promises';
import os from 'node:os';
import type { Catalog } from '../catalog.ts';
import { folderOfType } from '../files.ts';
import { sendEmpty, sendJson, sendText } from '../http.ts';
import type { Folders } from '../node.ts';
import { FEATURES } from '../sockets.ts';
import type { Routes } from './routes.ts';

const MODEL_FOLDERS = [
  'checkpoints', 'configs', 'loras', 'vae', 'text_encoders', 'diffusion_models', 'clip_vision', 'style_models', 'embeddings', 'diffusers', 'vae_approx',
  'controlnet', 'gligen', 'upscale_models', 'custom_nodes', 'hypernetworks', 'photomaker', 'classifiers', 'model_patches', 'audio_encoders',
];

/** Which input lists the files of a model folder. */
const LISTED_BY: Readonly<Record<string, readonly [string, string]>> = {
  checkpoints: ['CheckpointLoaderSimple', 'ckpt_name'],
  loras: ['LoraLoader', 'lora_name'],
  vae: ['VAELoader', 'vae_name'],
  controlnet: ['ControlNetLoader', 'control_net_name'],
  upscale_models: ['UpscaleModelLoader', 'model_name'],
};

/** What the server says about itself (http/info). */
export function infoRoutes(routes: Routes, { catalog, folders }: { catalog: Catalog; folders: Folders }): void {
  routes.add('get', '/object_info', async (_request, response) => { sendJson(response, await catalog.describe(folders.input)); });
  routes.add('get', '/object_info/:class', async (request, response) => {
    sendJson(response, await catalog.describe(folders.input, String(request.params['class'])));
  });
  routes.add('get', '/system_stats', (_request, response) => { sendJson(response, systemStats()); });
  routes.add('get', '/features', (_request, response) => { sendJson(response, FEATURES); });
  routes.add('get', '/embeddings', (_request, response) => { sendJson(response, []); });
  routes.add('get', '/extensions', (_request, response) => { sendJson(response, []); });
  routes.add('get', '/models', (_request, response) => { sendJson(response, MODEL_FOLDERS); });
  routes.add('get', '/models/:folder', (request, response) => {
    const folder = String(request.params['folder']);
    if (MODEL_FOLDERS.includes(folder)) sendJson(response, modelFiles(catalog, folder));
    else sendEmpty(response, 404);
  });
  routes.add('get', '/view_metadata/:folder', (_request, response) => { sendEmpty(response, 404); });
  routes.add('get', '/internal/files/:folder', async (request, response) => {
    const folder = folderOfType(folders, String(request.params['folder']));
    if (folder) sendJson(response, await fileNames(folder));
    else sendJson(response, { error: 'Invalid directory type' }, 400);
  });
  routes.add('get', '/', (_request, response) => {
    sendText(response, 200, { type: 'text/html', body: '<!doctype html><title>ComfyUI sandbox</title><p>Not a diffusion model.\n' });
  });
}

function modelFiles(catalog: Catalog, folder: string): readonly unknown[] {
  const [type, input] = LISTED_BY[folder] ?? ['', ''];
  const options = catalog.get(type)?.inputs.find(({ name }) => name === input)?.type;
  return Array.isArray(options) ? options : [];
}

async function fileNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
}

/** The recorded shape; `system.sandbox` and the device name say what this is. */
function systemStats(): unknown {
  const [total, free] = [os.totalmem(), os.freemem()];
  const system = {
    os: 'posix', ram_total: total, ram_free: free, comfyui_version: '0.3.64', required_frontend_version: '1.27.10', installed_templates_version: null,
    required_templates_version: '0.1.95', python_version: '3.11.2', pytorch_version: '1.13.0a0', embedded_python: false, argv: ['main.py', '--cpu'], sandbox: true,
  };
  const memory = { vram_total: total, vram_free: free, torch_vram_total: total, torch_vram_free: free };
  return { system, devices: [{ name: 'SANDBOX (no diffusion model)', type: 'cpu', index: null, ...memory }] };
}
