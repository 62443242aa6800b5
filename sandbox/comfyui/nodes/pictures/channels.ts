import type { Picture } from '../../node.ts';
import type { Channels } from './picture.ts';
import { withChannels } from './picture.ts';

/** The frame with as many channels: surplus ones dropped, a missing colour repeats the last one, a missing alpha is 1. */
export const toChannels = async (picture: Picture, channels: Channels): Promise<Picture> => {
  if (picture.channels === channels) return picture;
  return withChannels(picture, channels, (pixel, channel) => {
    if (channel === 3 && picture.channels < 4) return 1;
    return picture.data[pixel * picture.channels + Math.min(channel, picture.channels - 1)] ?? 0;
  });
};

/** One channel as a mask. */
export const channelOf = (picture: Picture, channel: number): Promise<Picture> =>
  withChannels(picture, 1, (pixel) => picture.data[pixel * picture.channels + channel] ?? 0);
