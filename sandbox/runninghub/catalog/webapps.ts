import type { WebApp } from './catalog.ts';
import { input } from './inputs.ts';

/** The AI apps of a fresh sandbox. */
export const webapps: readonly WebApp[] = [
  {
    id: '1970434031953342465',
    name: '沙盒：所有输入类型',
    description: '<p>每种 fieldType 各一个。<script>alert("sanitise me")</script></p>',
    descriptionEn: '<p>One input of every fieldType.</p>',
    inputs: [
      input.checkpoint(['4', 'CheckpointLoaderSimple', 'ckpt_name'], 'dreamshaper_8.safetensors', { cn: '选择模型', en: 'Select model' }),
      input.lora(['11', 'LoraLoader', 'lora_name'], '风格化三维-3D_v1.0.safetensors', { cn: '选择微调LoRA', en: 'Select fine-tune LoRA' }),
      input.text(['6', 'CLIPTextEncode', 'text'], 'a cat', { cn: '提示词', en: 'Prompt' }),
      input.text(['15', 'Text', 'text'], 'upperbody shot, chibi, soft color', { cn: '正面prompt（英文）' }),
      input.whole(['58', 'EmptyLatentImage', 'width'], 1024, { cn: '宽' }),
      input.whole(['58', 'EmptyLatentImage', 'height'], 1536, { cn: '高' }),
      input.whole(['60', 'KSampler', 'steps'], 20, { cn: '步数' }),
      input.decimal(['60', 'KSampler', 'cfg'], 7.5, { cn: 'CFG' }),
      input.flag(['70', 'easy boolean', 'value'], true, { cn: '是否高清' }),
      input.list(['37', 'RH_ComfyFluxKontext', 'aspect_ratio'], ['match_input_image', '1:1', '16:9'], { cn: '输出比例', en: 'Aspect ratio' }),
      input.switch(['71', 'ImpactSwitch', 'select'], ['1', '2'], { cn: '模式', en: 'Mode' }),
      input.picture(['39', 'LoadImage', 'image'], 'example.png', { cn: '上传图片', en: 'Upload image' }),
      input.audio(['50', 'LoadAudio', 'audio'], 'voice.mp3', { cn: '上传音频', en: 'Upload audio' }),
      input.video(['51', 'VHS_LoadVideo', 'video'], 'clip.mp4', { cn: '上传视频', en: 'Upload video' }),
    ],
  },
  {
    id: '1970434031953342471',
    name: '沙盒：换姿势',
    description: '<p>两张图片进，一张图片出。</p>',
    descriptionEn: '<p>Two pictures in, one out.</p>',
    inputs: [
      input.picture(['12', 'LoadImage', 'image'], 'person.png', { cn: '原图', en: 'Source image' }),
      input.picture(['13', 'LoadImage', 'image'], 'pose.png', { cn: '姿势', en: 'Pose' }),
    ],
  },
  {
    id: '1970434031953342473',
    name: '沙盒：图生文',
    description: '<p>描述一张图片。</p>',
    descriptionEn: '<p>Describes a picture.</p>',
    inputs: [input.picture(['12', 'LoadImage', 'image'], 'person.png', { cn: '图片', en: 'Image' })],
    makes: 'text',
  },
  {
    id: '1970434031953342477',
    name: '沙盒：需要密码',
    description: '<p>密码是 sandbox。</p>',
    descriptionEn: '<p>The password is sandbox.</p>',
    inputs: [input.text(['6', 'CLIPTextEncode', 'text'], 'a cat', { cn: '提示词', en: 'Prompt' })],
    password: 'sandbox',
  },
];
