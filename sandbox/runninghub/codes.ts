/** The documented codes: what stands in `msg`, or in `errorMessage` of v2. */
export const CODES: Readonly<Record<number, string>> = {
  [-1]: 'ApiKey verification failed',
  1: 'webhook event not exists',
  301: 'PARAMS_INVALID',
  380: 'WORKFLOW_NOT_EXISTS',
  401: 'ApiKey verification failed: API Key不存在',
  412: 'TOKEN_INVALID',
  415: 'TASK_INSTANCE_MAXED',
  416: 'TASK_CREATE_FAILED_BY_NOT_ENOUGH_WALLET',
  421: 'TASK_QUEUE_MAXED',
  423: 'TASK_NOT_FOUNED',
  433: 'VALIDATE_PROMPT_FAILED',
  435: 'TASK_USER_EXCLAPI_INSTANCE_NOT_FOUND',
  436: 'TASK_USER_EXCLAPI_REQUIRED',
  500: 'UNKNOWN_ERROR',
  605: 'insufficient balance',
  801: 'APIKEY_UNSUPPORTED_FREE_USER',
  802: 'APIKEY_UNAUTHORIZED',
  803: 'APIKEY_INVALID_NODE_INFO',
  804: 'APIKEY_TASK_IS_RUNNING',
  805: 'APIKEY_TASK_STATUS_ERROR',
  806: 'APIKEY_USER_NOT_FOUND',
  807: 'APIKEY_TASK_NOT_FOUND',
  808: 'APIKEY_UPLOAD_FAILED',
  809: 'APIKEY_FILE_SIZE_EXCEEDED',
  810: 'WORKFLOW_NOT_SAVED_OR_NOT_RUNNING',
  811: 'CORPAPIKEY_INVALID',
  812: 'CORPAPIKEY_INSUFFICIENT_FUNDS',
  813: 'APIKEY_TASK_IS_QUEUED',
  814: 'PERSONAL_QUEUE_COUNT_LIMIT',
  817: 'APIKEY_TASK_CANCEL_NOT_ALLOWED',
  901: 'WEBAPP_NOT_EXISTS',
  1000: 'unknown error',
  1001: 'invalid URL',
  1002: 'invalid API key',
  1003: 'request rate limit exceeded',
  1004: 'Task not found or expired',
  1005: 'internal error',
  1006: 'task timed out',
  1007: 'invalid parameters',
  1008: 'file size exceeded',
  1009: 'method not supported',
  1010: 'service unavailable',
  1011: 'system busy',
  1012: 'upstream exception',
  1013: 'file processing failed',
  1014: 'access denied',
  1015: 'generation failed',
  1101: 'node information error',
  1501: 'content moderation',
  1504: 'model timed out',
  1505: 'photorealistic people are not allowed',
  1520: 'single-user concurrency limit reached',
  1601: 'param apiKey is required',
};

/** The service says no. Its route puts the code into the envelope of its dialect. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: number;

  constructor(code: number, message: string = CODES[code] ?? '') {
    super(message);
    this.code = code;
  }
}
