import type { Graph, Workflow } from './catalog.ts';

const textToImage: Graph = {
  3: { class_type: 'KSampler', inputs: { seed: 42, steps: 20, cfg: 7.5, model: ['4', 0], positive: ['6', 0], latent_image: ['58', 0] }, _meta: { title: '采样器' } },
  4: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'dreamshaper_8.safetensors' }, _meta: { title: '模型' } },
  6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat', clip: ['4', 1] }, _meta: { title: '提示词' } },
  58: { class_type: 'EmptyLatentImage', inputs: { width: 1024, height: 1536, batch_size: 1 } },
  70: { class_type: 'easy boolean', inputs: { value: { __value__: [false, true] } } },
  9: { class_type: 'SaveImage', inputs: { filename_prefix: '输出', images: ['3', 0] }, _meta: { title: '保存图像' } },
};

const poseChange: Graph = {
  12: { class_type: 'LoadImage', inputs: { image: 'person.png' }, _meta: { title: '原图' } },
  13: { class_type: 'LoadImage', inputs: { image: 'pose.png' }, _meta: { title: '姿势' } },
  3: { class_type: 'KSampler', inputs: { seed: 42, latent_image: ['12', 0], positive: ['13', 0] } },
  9: { class_type: 'SaveImage', inputs: { filename_prefix: '输出', images: ['3', 0] } },
};

/** The workflows of a fresh sandbox. */
export const workflows: readonly Workflow[] = [
  { id: '1904136902449209346', graph: textToImage, altInputs: { prompt: { nodeId: '6', fieldName: 'text' } } },
  {
    id: '1996080571212349442',
    graph: poseChange,
    altInputs: { raw_image: { nodeId: '12', fieldName: 'image' }, pose_image: { nodeId: '13', fieldName: 'image' } },
  },
  { id: '1904136902449209351', graph: textToImage, ready: false },
  { id: '1904136902449209353', graph: textToImage, password: 'sandbox' },
];
