import { describe, expect, it } from 'vitest';
import { createKeyRing } from './keys.ts';

const ring = createKeyRing([{ name: 'alice', key: 'alice-key', admin: false }, { name: 'root', key: 'root-key!', admin: true }]);

describe('a key ring', () => {
  it('tells whose key it is', () => {
    expect(ring.identify('alice-key')).toEqual({ key: 'alice', admin: false });
    expect(ring.identify('root-key!')).toEqual({ key: 'root', admin: true });
  });

  it.each(['', 'alice', 'alice-keyx', 'alice-ke', 'ALICE-KEY', 'root', '\u0000'])('knows nobody by %j', (presented) => {
    expect(ring.identify(presented)).toBeUndefined();
  });
});
