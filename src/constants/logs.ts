/** Components that log into files of their own under `logs/{service}/`. */
export const logServices = ['main', 'router', 'task_manager', 'comfyui_client', 'runninghub_client'] as const;
export type LogService = (typeof logServices)[number];
