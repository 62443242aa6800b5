/**
 * What a failure of ComfyUI means, in plain words. Recognised by the wordings of ComfyUI, torch and safetensors as people
 * report them; what is not recognised keeps its own words alone. Pure.
 */
import type { PromptError } from '../../models/prompt-state.ts';

export const failureKinds = [
  'out_of_memory', 'out_of_main_memory', 'disk_full', 'unsupported_device', 'device_fault', 'missing_package', 'damaged_model', 'wrong_model', 'model_not_found', 'file_not_found', 'model_mismatch',
] as const;
export type FailureKind = (typeof failureKinds)[number];

export interface PlainWords {
  readonly kind: FailureKind;
  /** What happened and what to do. */
  readonly hint: string;
}

interface Rule {
  readonly kind: FailureKind;
  /** Of the type of the exception. */
  readonly type?: RegExp;
  /** Of its message; both must fit where both are there. */
  readonly message?: RegExp;
  readonly hint: string;
}

/** Characters of a message that are looked at: some hold whole listings. */
const LOOKED_AT = 4_000;
const MODEL_FILE = /\.(?:safetensors|sft|ckpt|pt2?|pth|bin|gguf|onnx|engine)\b|[\\/]models[\\/]/i;

const hints = {
  memory: 'The graphics card ran out of memory: use a smaller picture, batch or model, or try again when nothing else runs on that server.',
  main: 'The server ran out of main memory (RAM): use smaller models or fewer of them, or try again when nothing else runs on that server.',
  disk: 'The disk of the server is full: whoever runs it has to make room, then the same workflow can be submitted again.',
  device: 'The PyTorch of the server does not fit its graphics card: whoever runs it has to install a build that does.',
  fault: 'The graphics card reported a fault, and further prompts may fail there until ComfyUI is restarted: have that server restarted, then try again.',
  damaged: 'A model file is damaged, or is not what its name says, most often since its download is incomplete: whoever runs the server has to fetch the file again.',
  wrong: 'The file is not a model that this node can load: choose the loader that belongs to the model, or another model.',
  noEncoder: 'The checkpoint has no text encoder or VAE in it: load that with a node of its own (Load CLIP, Load VAE), or choose a checkpoint that has both.',
  mismatch: 'Models of different families are mixed: checkpoint, LoRA, ControlNet, text encoder and VAE have to be made for the same base model (SD 1.5, SDXL, Flux, …).',
} as const;

/** The first that fits counts. */
const rules: readonly Rule[] = [
  { kind: 'out_of_main_memory', message: /DefaultCPUAllocator: (?:not enough|can't allocate) memory/i, hint: hints.main },
  { kind: 'out_of_main_memory', type: /(?:^|\.)_?(?:Array)?MemoryError$/, hint: hints.main },
  { kind: 'out_of_main_memory', message: /paging file is too small|os error 1455|Cannot allocate memory/i, hint: hints.main },
  { kind: 'out_of_memory', type: /(?:^|\.)(?:OutOfMemoryError|OOM_EXCEPTION)$/, hint: hints.memory },
  { kind: 'out_of_memory', message: /Allocation on device|(?:CUDA|HIP|XPU|NPU|MPS backend|GPU) (?:error: )?out of memory|(?:CUDA|CUBLAS|CUDNN)_(?:ERROR_OUT_OF_MEMORY|STATUS_ALLOC_FAILED)|ran out of memory on your GPU|UR_RESULT_ERROR_OUT_OF_(?:DEVICE|HOST)/i, hint: hints.memory },
  { kind: 'disk_full', message: /No space left on device|not enough space on the disk/i, hint: hints.disk },
  { kind: 'unsupported_device', message: /no kernel image is available|Torch not compiled with CUDA|Found no NVIDIA driver|CUDA driver version is insufficient|is not compatible with the current PyTorch installation/i, hint: hints.device },
  { kind: 'device_fault', message: /device-side assert|(?:CUDA|HIP) error:|CUDNN_STATUS_|CUBLAS_STATUS_|illegal memory access/i, hint: hints.fault },
  { kind: 'damaged_model', type: /(?:^|\.)SafetensorError$/, message: /Error while deserializing|HeaderTooLarge|HeaderTooSmall|InvalidHeader|MetadataIncompleteBuffer/i, hint: hints.damaged },
  { kind: 'damaged_model', message: /Error while deserializing header|safetensors file is corrupt|header too large|PytorchStreamReader failed|invalid load key|WeightsUnpickler error|Weights only load failed|unexpected EOF, expected \d+ more bytes/i, hint: hints.damaged },
  { kind: 'wrong_model', message: /Could not detect model type/i, hint: hints.wrong },
  { kind: 'wrong_model', message: /(?:clip|VAE) (?:input )?is invalid: None/i, hint: hints.noEncoder },
  { kind: 'model_mismatch', message: /mat1 and mat2 shapes cannot be multiplied|mat1 and mat2 must have the same|expected input\[.*\] to have \d+ channels|Error\(s\) in loading state_dict|size mismatch for /i, hint: hints.mismatch },
];

/** Undefined for a failure that says it best itself. */
export function plainWords(error: PromptError): PlainWords | undefined {
  const type = error.exception_type ?? '';
  const message = (error.exception_message ?? '').slice(0, LOOKED_AT);
  const rule = rules.find((one) => (one.type?.test(type) ?? true) && (one.message?.test(message) ?? true));
  return rule ? { kind: rule.kind, hint: rule.hint } : (missingPackage(type, message) ?? notFound(type, message));
}

/** `ModuleNotFoundError: No module named 'x'`; an ImportError is a package of the wrong version. */
function missingPackage(type: string, message: string): PlainWords | undefined {
  if (!/(?:^|\.)(?:ModuleNotFoundError|ImportError|PackageNotFoundError)$/.test(type)) return undefined;
  const name = /No module named '([\w.-]{1,100})'/.exec(message)?.[1];
  return { kind: 'missing_package', hint: `The Python package ${name === undefined ? 'that the node needs' : `"${name}"`} is not installed on the server, or not in the version that is needed: whoever runs it has to install the requirements of the node pack and restart ComfyUI.` };
}

function notFound(type: string, message: string): PlainWords | undefined {
  const listed = /Model in folder '([^'\n]{1,100})' with filename '([^'\n]{1,300})' not found/.exec(message);
  if (listed) return { kind: 'model_not_found', hint: `The server has no model "${listed[2]}" in its folder "${listed[1]}": choose one that it has, or have it put there.` };
  if (!/(?:^|\.)FileNotFoundError$/.test(type) && !/No such file or directory/.test(message)) return undefined;
  if (MODEL_FILE.test(message)) return { kind: 'model_not_found', hint: 'The server does not have a model file that the node needs: choose another model, or have the file put where the message says.' };
  return { kind: 'file_not_found', hint: 'The server does not have a file that the node reads: check its name, upload it, or choose another.' };
}
