import { describe, expect, it } from 'vitest';
import { errorOf } from './ending.ts';
import { plainWords } from './plain-words.ts';

const said = (exception_type: string, exception_message: string) => plainWords({ code: 'WORKFLOW_EXECUTION_ERROR', reason: '', exception_type, exception_message });

const tips = 'This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before you might have accidentally set the batch_size to a large number.';

describe('a failure of ComfyUI', () => {
  it.each([
    ['torch.OutOfMemoryError', `Allocation on device \n${tips}`, 'out_of_memory'],
    ['torch.cuda.OutOfMemoryError', 'Allocation on device 0 would exceed allowed memory. (out of memory)', 'out_of_memory'],
    ['torch.OutOfMemoryError', 'CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.99 GiB', 'out_of_memory'],
    ['torch.OutOfMemoryError', 'HIP out of memory. Tried to allocate 432.00 MiB. GPU 0 has a total capacity of 15.92 GiB', 'out_of_memory'],
    ['RuntimeError', 'MPS backend out of memory (MPS allocated: 15.72 GiB, other allocations: 2.41 MiB, max allowed: 18.13 GiB).', 'out_of_memory'],
    ['torch.AcceleratorError', 'CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported', 'out_of_memory'],
    ['RuntimeError', 'CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`', 'out_of_memory'],
    ['comfy.model_management.OOM_EXCEPTION', '', 'out_of_memory'],
    ['RuntimeError', '[enforce fail at alloc_cpu.cpp:115] data. DefaultCPUAllocator: not enough memory: you tried to allocate 3376447488 bytes.', 'out_of_main_memory'],
    ['RuntimeError', "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 64 bytes.", 'out_of_main_memory'],
    ['MemoryError', '', 'out_of_main_memory'],
    ['numpy._core._exceptions._ArrayMemoryError', 'Unable to allocate 3.2 GiB for an array', 'out_of_main_memory'],
    ['OSError', 'The paging file is too small for this operation to complete. (os error 1455)', 'out_of_main_memory'],
    ['OSError', '[Errno 28] No space left on device', 'disk_full'],
    ['RuntimeError', 'CUDA error: no kernel image is available for execution on the device', 'unsupported_device'],
    ['AssertionError', 'Torch not compiled with CUDA enabled', 'unsupported_device'],
    ['RuntimeError', 'CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API call', 'device_fault'],
    ['torch.AcceleratorError', 'CUDA error: an illegal memory access was encountered', 'device_fault'],
    ['safetensors_rust.SafetensorError', 'Error while deserializing header: HeaderTooLarge', 'damaged_model'],
    ['ValueError', 'Error while deserializing header: HeaderTooLarge\n\nFile path: D:\\models\\x.safetensors\n\nThe safetensors file is corrupt or invalid.', 'damaged_model'],
    ['RuntimeError', 'PytorchStreamReader failed reading zip archive: failed finding central directory', 'damaged_model'],
    ['_pickle.UnpicklingError', 'Weights only load failed. Re-running `torch.load` with `weights_only` set to `False` will likely succeed', 'damaged_model'],
    ['RuntimeError', 'ERROR: Could not detect model type of: /comfyui/models/checkpoints/flux_dev.safetensors', 'wrong_model'],
    ['RuntimeError', 'ERROR: clip input is invalid: None\n\nIf the clip is from a checkpoint loader node your checkpoint does not contain a valid clip or text encoder model.', 'wrong_model'],
    ['RuntimeError', 'mat1 and mat2 shapes cannot be multiplied (77x2048 and 768x320)', 'model_mismatch'],
    ['RuntimeError', 'Given groups=1, weight of size [320, 4, 3, 3], expected input[2, 9, 64, 64] to have 4 channels, but got 9 channels instead', 'model_mismatch'],
    ['ModuleNotFoundError', "No module named 'insightface'", 'missing_package'],
    ['ImportError', "cannot import name 'x' from 'y'", 'missing_package'],
    ['FileNotFoundError', "Model in folder 'checkpoints' with filename 'a\\b.safetensors' not found.", 'model_not_found'],
    ['FileNotFoundError', 'No such file or directory: "/comfyui/models/LLM/llava/model-00001-of-00004.safetensors"', 'model_not_found'],
    ['FileNotFoundError', "[Errno 2] No such file or directory: '/comfyui/input/a.png'", 'file_not_found'],
  ])('%s: %s is told as %s', (type, message, kind) => {
    const plain = said(type, message);
    expect(plain?.kind).toBe(kind);
    expect(plain?.hint).toMatch(/^[A-Z][^\n]+\.$/);
  });

  it.each([
    ['ValueError', 'cannot convert float NaN to integer'],
    ['KeyError', "'x'"],
    ['RuntimeError', ''],
    ['builtins.Exception', 'out of luck'],
    ['ExecutionBlocked', 'Execution Blocked: no memory of that'],
  ])('%s: %s says it best itself', (type, message) => {
    expect(said(type, message)).toBeUndefined();
  });

  it('names the package and the model that are missing', () => {
    expect(said('ModuleNotFoundError', "No module named 'insightface'")?.hint).toContain('"insightface"');
    expect(said('FileNotFoundError', "Model in folder 'loras' with filename 'x.safetensors' not found.")?.hint).toContain('no model "x.safetensors" in its folder "loras"');
  });

  it('is looked at in no time, however long its message is', () => {
    const begun = performance.now();
    for (const part of ['expected input[', "Model in folder '", 'size mismatch ', "No module named '"]) said('RuntimeError', part.repeat(1_000_000));
    expect(performance.now() - begun).toBeLessThan(500);
  });

  it('carries its hint beside its own words', () => {
    const error = errorOf({ node_id: '3', node_type: 'KSampler', exception_type: 'torch.OutOfMemoryError', exception_message: `Allocation on device \n${tips}`, traceback: ['one'] });
    expect(error).toMatchObject({ node_id: '3', exception_type: 'torch.OutOfMemoryError', traceback: ['one'] });
    expect([error.exception_message?.startsWith('Allocation on device'), error.hint]).toEqual([true, expect.stringMatching(/^The graphics card ran out of memory/)]);
    expect(errorOf({ exception_type: 'ValueError', exception_message: 'no' })).not.toHaveProperty('hint');
  });
});
