/** What readers of the API document see as answers about tasks. A test reads each by its own schema. */
const id = '01a2080a-aa26-75c5-90ff-456a80c680d2';
const path = `/api/v1/tasks/${id}`;
const at = 1_795_615_200_000;

export const links = { self: path, outputs: `${path}/outputs`, events: `${path}/events`, cancel: `${path}/cancel` };

export const output = { filename: 'ComfyUI_00001_.png', subfolder: '', type: 'output', url: `https://gateway.example/api/v1/images/download?filename=ComfyUI_00001_.png&type=output&prompt_id=${id}`, node_id: '9', kind: 'image', size: 482_113 };

export const accepted = { task_id: id, status: 'pending', task_type: 'TEMPLATE', created_at: at, links };

export const summary = { task_id: id, status: 'completed', owner: 'alice', task_type: 'TEMPLATE', template: 'text-to-image', engine: 'comfyui', priority: 0, client_id: 'my_client', created_at: at, started_at: at + 120, finished_at: at + 8_450, progress: 1, attempt: 1 };

export const view = {
  ...summary,
  outputs: [output],
  inputs: { prompt: 'a lighthouse at dusk', seed: 42 },
  attempts: [{ attempt: 1, engine: 'comfyui', instance: '127.0.0.1:8188', job_id: '0d5f6f0c-6f5e-4a53-9c53-6a3f2f4f5b11', started_at: at + 120, ended_at: at + 8_450, outcome: 'completed' }],
  timings: { queued_at: at, started_at: at + 120, executed_at: at + 8_300, stored_at: at + 8_440, finished_at: at + 8_450, wait_ms: 120, run_ms: 8_330, total_ms: 8_450 },
  seq: 4,
  links,
};

export const page = { tasks: [summary], next_cursor: id };

export const delivery = { n: 1, event: 'completed', seq: 4, url: 'https://example.org/hook', status: 'delivered', attempts: 1, created_at: at + 8_450, delivered_at: at + 8_610, last_status: 200 };
