/** Names and paths of the service itself. */
export const service = {
  name: 'comfyui-gateway',
  api: '/api/v1',
  download: '/api/v1/images/download',
  socket: '/api/v1/ws',
} as const;
