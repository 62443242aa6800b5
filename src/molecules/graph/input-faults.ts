/** What is wrong with one input of a node, by what an instance declares. Types as ComfyUI names them where it has a word. Pure. */
import type { InputDeclaration, NodeDeclarations } from '../../models/node-declaration.ts';
import type { Fault } from '../../models/problem.ts';
import { namesModel, type ReadChoices } from './choices.ts';
import { pathName } from './names.ts';
import type { FindNearest } from './nearest.ts';
import { asFloat, asInt, type Reading } from './python-number.ts';
import { type GraphNode, linkedNode } from './read.ts';
import { unwrapped } from './texts.ts';
import { told } from './told.ts';

/** Where an input stands, and how it is declared there. */
export interface InputSite {
  readonly nodeId: string;
  readonly node: GraphNode;
  readonly input: string;
  readonly declared: InputDeclaration;
}

export interface Surroundings {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  readonly declarations: NodeDeclarations;
  readonly nearest: FindNearest;
  readonly choices: ReadChoices;
}

/** Types of ComfyUI's own that only a link brings; others may have a control of their own in the page. */
const LINKED = new Set(['IMAGE', 'MASK', 'LATENT', 'MODEL', 'CLIP', 'VAE', 'CONDITIONING', 'CONTROL_NET', 'CLIP_VISION', 'CLIP_VISION_OUTPUT', 'STYLE_MODEL', 'UPSCALE_MODEL', 'GLIGEN', 'SAMPLER', 'SIGMAS', 'NOISE', 'GUIDER', 'AUDIO', 'VIDEO']);
/** Inputs that nodes make up while they are used (`images.image0`), and slots that take what they are given. */
export const MADE_UP = /^COMFY_\w+_V\d+$/;
/** A list up to this length is told whole. */
const SHORT_LIST = 20;

export const needsLink = ({ type }: InputDeclaration): boolean => type.split(',').every((one) => LINKED.has(one.trim()));

/** Undefined where nothing is wrong that can be known here. Faults of links to nodes that are not there are those of `check`. */
export function inputFault(site: InputSite, around: Surroundings): Fault | undefined {
  if (MADE_UP.test(site.declared.type)) return undefined;
  if (!Object.hasOwn(site.node.inputs, site.input)) return site.declared.required ? missing(site) : undefined;
  const value = site.node.inputs[site.input];
  return Array.isArray(value) ? linkFault(site, value, around) : valueFault(site, value, around);
}

const nameOf = ({ nodeId, node }: Pick<InputSite, 'nodeId' | 'node'>): string => `node "${told(nodeId)}" (${told(node.classType)})`;

function faultAt(site: InputSite, type: string, reason: string): Fault {
  return { node_id: told(site.nodeId), class_type: told(site.node.classType), input: told(site.input), type, reason: `Input "${told(site.input)}" of ${nameOf(site)} ${reason}` };
}

function missing(site: InputSite): Fault {
  const { type, default: filled } = site.declared;
  if (needsLink(site.declared)) return faultAt(site, 'required_input_missing', `is missing: link it to an output of type ${told(type)}.`);
  const usual = filled === undefined || type === 'COMBO' ? '' : `; the page of ComfyUI fills in ${typeof filled === 'string' ? `"${filled}"` : filled}`;
  return faultAt(site, 'required_input_missing', `is missing${usual}.`);
}

function linkFault(site: InputSite, link: readonly unknown[], { nodes, declarations }: Surroundings): Fault | undefined {
  const [from, slot] = link;
  if (link.length !== 2) return faultAt(site, 'bad_linked_input', `is a list of ${link.length}; a link is ["<node id>", <slot>], and a list as a value is written {"__value__": […]}.`);
  if (typeof from !== 'string') return faultAt(site, 'bad_linked_input', 'is a link whose node id is no text: write ["<node id>", <slot>].');
  const index = JSON.isRawJSON(slot) ? Number(slot.rawJSON) : slot;
  if (typeof index !== 'number' || !Number.isInteger(index)) return faultAt(site, 'bad_linked_input', 'is a link whose slot is no whole number: write ["<node id>", <slot>].');
  const source = nodes.get(from);
  const outputs = source && declarations.get(source.classType)?.outputs;
  if (!source || !outputs) return undefined;
  const received = outputs.at(index);
  const other = nameOf({ nodeId: from, node: source });
  if (index < -outputs.length || received === undefined) return outputs.includes('*') ? undefined : faultAt(site, 'bad_linked_input', `is linked to slot ${index} of ${other}, which has ${slotsOf(outputs)}.`);
  if (accepts(site.declared.type, received)) return undefined;
  return faultAt(site, 'return_type_mismatch', `takes ${told(site.declared.type)}, and is linked to slot ${index} of ${other}, which gives ${told(received)}.`);
}

function slotsOf(outputs: readonly string[]): string {
  return outputs.length === 0 ? 'no outputs' : told(outputs.map((type, slot) => `${slot} (${type})`).join(', '));
}

/** `*` is any type; `A,B` takes A and gives B; one type in common is enough. */
function accepts(wanted: string, received: string): boolean {
  const [taken, given] = [wanted, received].map((types) => types.split(',').map((type) => type.trim()));
  const any = (type: string): boolean => type === '*' || MADE_UP.test(type);
  return Boolean(taken?.some(any) || given?.some(any) || taken?.some((type) => given?.includes(type)));
}

function valueFault(site: InputSite, sent: unknown, around: Surroundings): Fault | undefined {
  const { declared } = site;
  const value = unwrapped(sent);
  if (declared.type === 'INT') return numberFault(site, value, asInt(value));
  if (declared.type === 'FLOAT') return numberFault(site, value, asFloat(value));
  if (declared.type === 'COMBO') return choiceFault(site, value, around);
  if (!needsLink(declared) || linkedNode(sent) !== undefined) return undefined;
  return faultAt(site, 'link_expected', `has the plain value ${shown(value)}; it takes a link to an output of type ${told(declared.type)}.`);
}

function numberFault(site: InputSite, value: unknown, reading: Reading): Fault | undefined {
  const { type, min, max } = site.declared;
  if (reading === undefined) return faultAt(site, 'invalid_input_type', `is ${shown(value)}, which is no ${type === 'INT' ? 'whole number' : 'number'}.`);
  if (typeof reading === 'number' && !Number.isFinite(reading)) return undefined;
  if (min !== undefined && reading < min) return faultAt(site, 'value_smaller_than_min', `is ${shown(value)}; the least that is taken is ${min}.`);
  if (max !== undefined && reading > max) return faultAt(site, 'value_bigger_than_max', `is ${shown(value)}; the most that is taken is ${max}.`);
  return undefined;
}

/** Whether a file of a caller is there is told to nobody: names of uploads, and of what may be somebody's output, are not judged. */
function choiceFault(site: InputSite, value: unknown, { nearest, choices }: Surroundings): Fault | undefined {
  const { options, open, upload } = site.declared;
  if (!options || open || upload) return undefined;
  const { has, listing, models } = choices(options);
  if (listing || (typeof value === 'string' && (has(value) || pathName(value)))) return undefined;
  const meant = typeof value === 'string' ? nearest(value, options) : {};
  if (typeof value === 'string' && (models || namesModel(value))) return { ...faultAt(site, 'missing_model', `names the model ${shown(value)}, which the instance does not have.`), ...meant };
  return { ...faultAt(site, 'value_not_in_list', `is ${shown(value)}, which is not in its list${listed(options)}.`), ...meant };
}

function listed(options: readonly string[]): string {
  if (options.length === 0) return ', since that is empty';
  return options.length > SHORT_LIST || options.some(pathName) ? '' : `; it takes ${told(options.map((option) => `"${option}"`).join(', '))}`;
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `"${told(value)}"`;
  if (JSON.isRawJSON(value)) return told(value.rawJSON);
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
