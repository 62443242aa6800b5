/** Names and paths of the service itself. */
export const service = {
  name: 'comfyui-gateway',
  api: '/api/v1',
  download: '/api/v1/images/download',
  /** Below it RunningHub tells that a job of a task has ended; what follows is secret. */
  hubHook: '/hooks/runninghub',
  socket: '/api/v1/ws',
} as const;
