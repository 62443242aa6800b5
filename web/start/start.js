/** The start page: one socket, one form, one picture. Everything it does is in the README's table of routes and messages. */

const sample = {
  '3': { class_type: 'KSampler', inputs: { seed: 42, steps: 12, cfg: 7, sampler_name: 'euler', scheduler: 'normal', denoise: 1, model: ['4', 0], positive: ['6', 0], negative: ['7', 0], latent_image: ['5', 0] } },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 512, batch_size: 1 } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: 'a lighthouse on a cliff at dusk', clip: ['4', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry, text', clip: ['4', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'start' } },
};

const $ = (id) => document.getElementById(id);
const view = Object.fromEntries(['status', 'sandbox', 'access', 'key', 'access-fault', 'work', 'prompt', 'seed', 'dice', 'steps', 'graph', 'fault', 'run', 'stop', 'stage', 'empty', 'picture', 'video', 'bar', 'node', 'share', 'facts', 'files', 'log', 'scroll'].map((id) => [id, $(id)]));
const random = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16).padStart(8, '0')).join('');
const clientId = `start-${random()}`;

/** Kept in memory only: a reload forgets it. */
let apiKey = '';
let socket;
let attempts = 0;
/** What this page submitted last: id, newest number seen, whether it is over. */
let job;

/** Integers beyond 2^53, as large seeds are, keep their digits where the browser can (`JSON.rawJSON`). */
const parse = (text) => JSON.parse(text, (_key, value, context) => (Number.isInteger(value) && !Number.isSafeInteger(value) && JSON.rawJSON && context?.source ? JSON.rawJSON(context.source) : value));
/** One line per node. */
const show = (graph) => `{\n${Object.entries(graph).map(([id, node]) => `  ${JSON.stringify(id)}: ${JSON.stringify(node, null, 1).replace(/(?<=\[)\n\s*|\n\s*(?=\])/g, '').replace(/\n\s*/g, ' ')}`).join(',\n')}\n}`;
const large = (digits) => (Number.isSafeInteger(Number(digits)) || !JSON.rawJSON ? Number(digits) : JSON.rawJSON(digits));

/** Where the three fields live in a graph: the first sampler, and the text that its `positive` leads to. */
function places(graph) {
  const sampler = Object.values(graph).find((node) => node?.inputs && 'seed' in node.inputs && 'steps' in node.inputs)?.inputs;
  const positive = Array.isArray(sampler?.positive) ? graph[sampler.positive[0]]?.inputs : undefined;
  return { sampler, text: typeof positive?.text === 'string' ? positive : undefined };
}

function readGraph() {
  const graph = parse(view.graph.value);
  if (typeof graph !== 'object' || graph === null || Array.isArray(graph)) throw new SyntaxError('a graph is an object: node id → {class_type, inputs}');
  return graph;
}

function graphToFields() {
  let graph;
  try {
    graph = readGraph();
    complain('');
  } catch (error) {
    return complain(`The graph is not JSON: ${error.message}`);
  }
  const { sampler, text } = places(graph);
  view.prompt.disabled = !text;
  view.seed.disabled = view.dice.disabled = view.steps.disabled = !sampler;
  if (text) view.prompt.value = text.text;
  if (!sampler) return;
  view.seed.value = JSON.stringify(sampler.seed);
  view.steps.value = JSON.stringify(sampler.steps);
}

function fieldsToGraph() {
  try {
    const graph = readGraph();
    const { sampler, text } = places(graph);
    if (text) text.text = view.prompt.value;
    if (sampler && view.seed.value !== '' && view.seed.checkValidity()) sampler.seed = large(view.seed.value);
    if (sampler && view.steps.value !== '' && view.steps.checkValidity()) sampler.steps = Number(view.steps.value);
    view.graph.value = show(graph);
  } catch (error) {
    complain(`The graph is not JSON: ${error.message}`);
  }
}

const call = (path, options = {}) => fetch(path, { ...options, headers: { ...(apiKey ? { 'X-API-Key': apiKey } : {}), ...options.headers } });

/** Who is behind the gateway. Details are told to admins, and to everybody where there are no keys. */
async function look() {
  const answer = await call('/readyz').catch(() => undefined);
  if (!answer) return tell('down', 'The gateway does not answer');
  const { healthy, total, instances } = await answer.json();
  const names = (instances ?? []).filter((one) => one.healthy).map((one) => (one.sandbox ? 'sandbox (no diffusion model)' : `${one.instance}${one.comfyui_version ? `, ComfyUI ${one.comfyui_version}` : ''}`));
  if (instances) view.sandbox.hidden = !instances.some((one) => one.sandbox);
  if (!instances && !apiKey) {
    view.access.hidden = false;
    tell('waiting', 'An API key is needed');
    return 'key';
  }
  if (healthy === 0) tell('down', 'No ComfyUI server is connected');
  else tell('ready', names.length > 0 ? `Engine: ${names.join(' · ')}` : `Engine: ${healthy} of ${total} ComfyUI servers`);
}

/** A browser cannot send a header with a socket: a ticket stands for the key, once. */
async function connect() {
  const answer = await call('/api/v1/ws/tickets', { method: 'POST' });
  const { ticket, detail } = await answer.json();
  if (answer.status === 401) return refuseKey();
  if (!answer.ok) throw new Error(detail);
  socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/api/v1/ws/${clientId}?ticket=${encodeURIComponent(ticket)}`);
  socket.binaryType = 'arraybuffer';
  socket.onopen = greet;
  socket.onmessage = ({ data }) => (typeof data === 'string' ? receive(JSON.parse(data)) : preview(data));
  socket.onclose = ({ code, reason }) => {
    note('socket closed', `${code} ${reason}`);
    buttons();
    again();
  };
}

function greet() {
  attempts = 0;
  view.access.hidden = true;
  send('feature_flags', { supports_preview_metadata: true });
  if (job && !job.over) send('subscribe', { items: [{ prompt_id: job.id, since: job.seq }] });
  buttons();
  void look();
}

function again() {
  attempts += 1;
  setTimeout(() => connect().catch(again), Math.min(500 * 2 ** attempts, 4_000));
}

function refuseKey() {
  apiKey = '';
  view.access.hidden = false;
  view['access-fault'].textContent = 'The gateway does not know this key.';
  tell('waiting', 'An API key is needed');
  view.key.select();
}

const send = (type, data) => socket.send(JSON.stringify({ type, data }));

function submit() {
  if (view.run.disabled) return;
  complain('');
  try {
    const workflow = readGraph();
    job = { id: random(), seq: 0, over: false, classes: Object.fromEntries(Object.entries(workflow).map(([id, node]) => [id, node?.class_type])) };
    send('submit', { workflow, prompt_id: job.id });
  } catch (error) {
    return complain(`The graph is not JSON: ${error.message}`);
  }
  view.files.replaceChildren();
  view.facts.textContent = '';
  progress('Submitted', 0);
  buttons();
  view.stage.scrollIntoView({ block: 'nearest' });
}

function receive({ type, data }) {
  if (type !== 'progress_state') note(type === 'system' ? `system: ${data.event}` : type, sentence(type, data));
  if (type === 'system' && data.event === 'error' && (!data.prompt_id || data.prompt_id === job?.id) && job && !job.over) return over(complain(faults(data)));
  if (!job || data.prompt_id !== job.id) return;
  if (data.instance === 'sandbox') view.sandbox.hidden = false;
  job.seq = Math.max(job.seq, data.seq ?? 0);
  if (data.event === 'submitted' && data.warnings) complain(data.warnings.join('\n'));
  if (type === 'executing' && data.node !== null) progress(nameOf(data.node), data.progress?.overall);
  if (type === 'progress') progress(`${nameOf(data.node)}: ${data.value} of ${data.max}`, data.overall);
  if (type === 'result') finish(data).catch((error) => complain(error.message));
  if (type === 'execution_error') over(progress('Failed', 0), complain(data.reason ?? data.exception_message));
  if (type === 'execution_interrupted') over(progress(data.reason ?? 'Interrupted', 0));
}

const nameOf = (node) => job.classes[node] ?? `node ${node}`;
const faults = ({ reason, errors }) => (errors ?? []).map((one) => `${one.node_id ? `Node ${one.node_id}${one.class_type ? ` (${one.class_type})` : ''}: ` : ''}${one.reason}`).join('\n') || reason;

/** Event 1: [1][1 JPEG, 2 PNG] picture. Event 4: [4][length][metadata as JSON] picture. Numbers are 32 bits, big-endian. */
function preview(buffer) {
  const [event, number] = [new DataView(buffer).getUint32(0), new DataView(buffer).getUint32(4)];
  if (!job || job.over || (event !== 1 && event !== 4)) return;
  const about = event === 4 ? JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, number))) : { prompt_id: job.id, image_type: number === 2 ? 'image/png' : 'image/jpeg' };
  if (about.prompt_id !== job.id) return;
  const bytes = buffer.slice(event === 4 ? 8 + number : 8);
  note('preview', `${about.image_type}, ${Math.round(bytes.byteLength / 1024)} KiB`);
  showPicture(new Blob([bytes], { type: about.image_type }), 'preview', 'Preview of the picture that is being made');
}

/** A picture needs the key as well, which an <img> cannot send: it is fetched, from here whatever PUBLIC_URL says, and shown from memory. */
async function finish(data) {
  over();
  const made = data.durations?.total_ms === undefined ? '' : `${(data.durations.total_ms / 1000).toFixed(2)} s on ${data.instance}`;
  progress(data.images.length > 0 ? 'Completed' : 'Completed without a file', 1);
  view.facts.textContent = made;
  const files = data.images.filter((file) => file.url).toSorted((a, b) => Number(b.type === 'output') - Number(a.type === 'output'));
  let shown = false;
  for (const file of files) {
    const { pathname, search } = new URL(file.url, location.origin);
    const answer = await call(pathname + search);
    if (!answer.ok) {
      complain((await answer.json().catch(() => ({ detail: `${answer.status}` }))).detail);
      continue;
    }
    const blob = await answer.blob();
    link(file.filename, blob);
    if (shown || !/^(image|video)\//.test(blob.type)) continue;
    shown = true;
    if (blob.type.startsWith('video/')) showVideo(blob);
    else await showPicture(blob, 'final', `Result: ${view.prompt.value}`);
    if (view.picture.naturalWidth > 0 && !view.picture.hidden) view.facts.textContent = `${view.picture.naturalWidth} × ${view.picture.naturalHeight} · ${made}`;
  }
}

function over() {
  if (job) job.over = true;
  buttons();
}

async function showPicture(blob, state, alt) {
  const { picture } = view;
  const before = picture.src;
  picture.src = URL.createObjectURL(blob);
  picture.alt = alt;
  await picture.decode().catch(() => undefined);
  if (before) URL.revokeObjectURL(before);
  view.stage.dataset.state = state;
  view.empty.hidden = view.video.hidden = true;
  picture.hidden = false;
}

function showVideo(blob) {
  view.video.src = URL.createObjectURL(blob);
  view.empty.hidden = view.picture.hidden = true;
  view.video.hidden = false;
}

function link(name, blob) {
  const item = document.createElement('li');
  const anchor = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name, textContent: `Download ${name}` });
  item.append(anchor);
  view.files.append(item);
}

function progress(what, share) {
  view.node.textContent = what;
  if (share === undefined) return;
  view.bar.value = share;
  view.share.textContent = share > 0 ? `${Math.round(share * 100)} %` : '';
}

function buttons() {
  const open = socket?.readyState === WebSocket.OPEN;
  const busy = Boolean(job && !job.over);
  view.run.disabled = !open || busy;
  view.stop.disabled = !open || !busy;
  view.run.textContent = busy ? 'Running …' : 'Run';
}

function tell(state, text) {
  view.status.dataset.state = state;
  view.status.textContent = text;
}

function complain(text) {
  view.fault.textContent = text;
  if (text) progress('Nothing runs', 0);
}

const began = performance.now();

function note(type, text) {
  const item = document.createElement('li');
  const parts = [['time', `${((performance.now() - began) / 1000).toFixed(2)} s`], ['b', type], ['span', text]];
  item.append(...parts.map(([tag, content]) => Object.assign(document.createElement(tag), { textContent: content })));
  const { log, scroll } = view;
  const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40;
  log.append(item);
  if (log.childElementCount > 300) log.firstElementChild.remove();
  if (atEnd) scroll.scrollTop = scroll.scrollHeight;
}

function sentence(type, data) {
  if (type === 'status') return `${data.status.exec_info.queue_remaining} in the queue`;
  const { prompt_id: _id, client_id: _client, event: _event, images, output: _output, progress: _progress, timestamp: _time, ...rest } = data;
  return JSON.stringify({ ...rest, ...(images ? { images: images.map((file) => file.filename) } : {}) });
}

view.graph.value = show(sample);
graphToFields();
view.graph.addEventListener('input', graphToFields);
for (const field of [view.prompt, view.seed, view.steps]) field.addEventListener('input', fieldsToGraph);
view.dice.addEventListener('click', () => {
  view.seed.value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
  fieldsToGraph();
});
view.work.addEventListener('submit', (event) => {
  event.preventDefault();
  submit();
});
view.work.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) view.work.requestSubmit();
});
view.stop.addEventListener('click', () => send('interrupt', { prompt_id: job.id }));
view.access.addEventListener('submit', (event) => {
  event.preventDefault();
  apiKey = view.key.value.trim();
  view.key.value = view['access-fault'].textContent = '';
  connect().catch((error) => (view['access-fault'].textContent = error.message));
});
setInterval(() => document.hidden || view.access.hidden === false || void look(), 10_000);
if ((await look()) !== 'key') await connect().catch(again);
