/** Bounds of everything that could grow. Values that an operator may want to change are in core/config.ts instead. */
export const limits = {
  /** Characters of a prompt id or client id. */
  idLength: 128,
  /** State messages kept per prompt for replay. */
  replayStates: 512,
  /** Bytes of state messages kept for replay, all prompts together. */
  replayBytes: 64 * 1024 * 1024,
  /** Finished prompts kept in memory for replay and state; older ones answer from the database. */
  finishedPrompts: 2_000,
  /** Milliseconds a finished prompt stays replayable. */
  finishedAge: 15 * 60_000,
  /** Bytes waiting for one watcher before it is closed with 1013. */
  mailboxBytes: 8 * 1024 * 1024,
  /** State messages waiting for one watcher before it is closed with 1013. */
  mailboxStates: 4_096,
  /** Bytes a socket may hold unsent before its mailbox is no longer emptied into it. */
  socketHighWater: 256 * 1024,
  /** Watchers (sockets) of the whole process. */
  watchers: 10_000,
  /** Subscriptions of one watcher. */
  subscriptions: 1_000,
  /** Tasks of which it is remembered what one watcher was told, beyond those that it subscribed to; the ones it heard of longest ago are forgotten. */
  toldTasks: 1_000,
  /** Bytes of one frame from a ComfyUI instance: SaveImageWebsocket sends whole pictures. */
  upstreamFrameBytes: 256 * 1024 * 1024,
  /** Bytes of JSON accepted from an instance (queue, history, object_info). */
  upstreamJsonBytes: 256 * 1024 * 1024,
  /** Milliseconds that an instance has to answer when its queue is shown to somebody; one that hangs does not hold up the others. */
  showingPatience: 2_500,
  /** Bytes of history entries that wait until the database takes them. */
  unwrittenBytes: 64 * 1024 * 1024,
  /** Bytes of a history entry kept in the database; a larger one is kept without its graph. */
  storedHistoryBytes: 1024 * 1024,
  /** Tickets for browser sockets waiting to be used. */
  tickets: 10_000,
  /** Characters of the metadata of a task, as JSON. */
  metadataLength: 16_384,
  /** Prompt ids in one queue/delete call. */
  deleteIds: 1_000,
  /** Problems reported for one workflow. */
  faults: 100,
  /** Comparisons of letters that the search for nearest names may take for one diagnosis: some tenths of a second. */
  nearestWork: 100_000_000,
  /** Milliseconds that node declarations of an instance are good enough for a diagnosis: a model may have been added since. */
  declarationsAge: 10_000,
  /** Characters of a caller's own words (a node id, a value) that a message tells back. */
  told: 200,
  /** Characters of a sentence of a problem. */
  sentence: 2_000,
  /** Bytes of JSON bodies that are held and worked on at once; a larger one is taken when it is alone. */
  bodyBytes: 64 * 1024 * 1024,
  /** Of these, bytes of one key. */
  bodyBytesPerKey: 32 * 1024 * 1024,
  /** Bodies that wait for others to be done. */
  bodiesWaiting: 256,
  /** Of these, bodies of one key. */
  bodiesWaitingPerKey: 64,
  /** Milliseconds that a body waits. */
  bodyPatience: 10_000,
  /** Levels of lists and objects inside each other in the JSON of a caller. */
  jsonDepth: 200,
  /** Values in the JSON of a caller, lists and objects included: a body of millions of small ones keeps everybody waiting. */
  jsonValues: 1_000_000,
  /** Integers beyond 2^53 in the JSON of a caller: each costs twenty times a short one. */
  longNumbers: 100_000,
  /** Nodes of one workflow. */
  nodes: 10_000,
  /** Inputs of one workflow, all nodes together. */
  nodeInputs: 100_000,
  /** Characters of a node id, and of the name of a class. */
  nodeName: 1_000,
  /** Files that one workflow may name. */
  fileReferences: 256,
  /** Templates of one folder. */
  templates: 1_000,
  /** Bytes of a template, and of its graph. */
  templateBytes: 10 * 1024 * 1024,
  /** Levels of folders below that of the templates that are watched. */
  templateFolders: 8,
  /** Characters of a picture, video or sound that is an input of a template: data URIs are long. */
  mediaText: 20 * 1024 * 1024,
  /** Bytes of the engine registry. */
  engineConfigBytes: 1024 * 1024,
  /** Bytes of the headers of an answer from an address that a caller names. */
  remoteHeaderBytes: 16 * 1024,
  /** Redirects that a download follows. */
  remoteRedirects: 5,
  /** Downloads that wait for others to be done. */
  downloadsWaiting: 1_000,
  /** Milliseconds that a server may make a download wait before the next try (`Retry-After`). */
  downloadPatience: 60_000,
  /** Bytes of an answer of RunningHub; the largest are graphs. */
  runninghubReplyBytes: 32 * 1024 * 1024,
  /** Bytes of one message of a progress socket of RunningHub: previews come along. */
  runninghubFrameBytes: 16 * 1024 * 1024,
  /** Bytes of a file that RunningHub takes. */
  runninghubUploadBytes: 30 * 1024 * 1024,
  /** Bytes of one result that is fetched from RunningHub. */
  runninghubResultBytes: 4 * 1024 * 1024 * 1024,
  /** Characters of a text that came out of RunningHub and is told with its task; a longer one is a file. */
  runninghubTextLength: 100_000,
  /** Files at RunningHub that are remembered per engine. */
  runninghubUploadsKnown: 10_000,
  /** Values that one task of the RunningHub services sets. */
  runninghubNodes: 500,
  /** Tasks of which it is remembered when RunningHub was asked for a caller. */
  runninghubAsked: 1_000,
  /** Workflows at RunningHub of which it is remembered how many nodes they have, per engine. */
  runninghubGraphs: 1_000,
  /** Jobs at RunningHub that were to stop, remembered per engine. */
  runninghubStopping: 10_000,
  /** Bytes of the answer to a webhook that are read, and thrown away. */
  webhookAnswerBytes: 64 * 1024,
} as const;
