import { z } from 'zod';
import type { Batch, Folders, NodeClass, NodeInputs, Picture } from '../node.ts';
import { NodeFailure } from '../node.ts';
import { decode } from './files/decode.ts';
import { contentHash, existingInput } from './files/input-file.ts';
import type { Family } from './inputs.ts';
import { answer, node, text } from './inputs.ts';
import { channelOf, toChannels } from './pictures/channels.ts';
import { filled, fromBitmap, mapped } from './pictures/picture.ts';

const Named = z.object({ image: z.string() });

/** The mask of a picture without the channel asked for: nothing masked, 64 x 64 whatever the picture's size. */
const noMask = (): Picture => filled({ width: 64, height: 64, channels: 1 }, 0);

const framesOfFile = async (name: string, folders: Folders): Promise<Batch> => {
  const file = await existingInput(name, folders);
  if (file === undefined) throw new NodeFailure('FileNotFoundError', `[Errno 2] No such file or directory: '${name}'`);
  const { frames } = await decode(file);
  return Promise.all(frames.map(fromBitmap));
};

/** Masks are transparency: 1 - alpha. */
const maskOf = async (frame: Picture): Promise<Picture> => (frame.channels === 4 ? mapped(await channelOf(frame, 3), (alpha) => 1 - alpha) : noMask());

const CHANNELS = ['red', 'green', 'blue', 'alpha'];

const oneChannel = async (frame: Picture, name: string): Promise<Picture> => {
  const channel = CHANNELS.indexOf(name);
  if (channel < 0) throw new NodeFailure('ValueError', `unknown channel: ${name}`);
  const mask = await channelOf(await toChannels(frame, 4), channel);
  return channel === 3 ? mapped(mask, (alpha) => 1 - alpha) : mask;
};

/** What both loaders promise about the file they name. */
const ofFile: Pick<NodeClass, 'validate' | 'fingerprint'> = {
  async validate(inputs: NodeInputs, folders: Folders) {
    const named = Named.safeParse(inputs);
    if (!named.success || (await existingInput(named.data.image, folders))) return undefined;
    return { input: 'image', reason: `Invalid image file: ${named.data.image}` };
  },
  async fingerprint(inputs: NodeInputs, folders: Folders) {
    const named = Named.safeParse(inputs);
    const file = named.success ? await existingInput(named.data.image, folders) : undefined;
    return file === undefined ? '' : contentHash(file);
  },
};

/** LoadImage: IMAGE (3 channels, all frames) and MASK. LoadImageMask: one channel of the first frame. */
export const load: Family = {
  LoadImage: {
    ...ofFile,
    ...node({ image: text }, async ({ image }, { folders }) => {
      const loaded = await framesOfFile(image, folders);
      return answer(await Promise.all(loaded.map((frame) => toChannels(frame, 3))), await Promise.all(loaded.map(maskOf)));
    }),
  },

  LoadImageMask: {
    ...ofFile,
    ...node({ image: text, channel: text }, async ({ image, channel }, { folders }) => {
      const loaded = await framesOfFile(image, folders);
      return answer(await Promise.all(loaded.slice(0, 1).map((frame) => oneChannel(frame, channel))));
    }),
  },
};
