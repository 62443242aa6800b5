/** One message on its way to watchers, written once however many receive it. */
export interface Frame {
  readonly data: Buffer;
  readonly binary: boolean;
}
