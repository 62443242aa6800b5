import { v7 } from 'uuid';

/** A new UUIDv7: sorts by time, unique without asking anybody. */
export function newId(): string {
  return v7();
}
