import type { DeployRequest } from '../api/endpoints';

/** How an endpoint answers, as it is typed; what is empty stays as it is. */
export interface Answering {
  grpc: string;
  onnx: string;
  accessLog: string;
  kept: string;
}

export const AS_IT_IS: Answering = { grpc: '', onnx: '', accessLog: '', kept: '' };

type Request = Pick<DeployRequest, 'grpc' | 'bound' | 'access_log' | 'log_rate'>;

/** What is asked for by what was typed. */
export function toRequest({ grpc, onnx, accessLog, kept }: Answering): Request {
  return {
    ...(grpc === '' ? {} : { grpc: grpc === 'on' }),
    ...(onnx.trim() === '' ? {} : { bound: Number(onnx) }),
    ...(accessLog === '' ? {} : { access_log: accessLog === 'on' }),
    ...(kept.trim() === '' ? {} : { log_rate: Number(kept) / 100 })
  };
}

/** What is wrong with what was typed, by field. */
export function answeringFaults({ onnx, kept }: Answering): Partial<Record<keyof Answering, string>> {
  return {
    ...(isWithin(onnx, 0.1) ? {} : { onnx: '0 to 0.1' }),
    ...(isWithin(kept, 100) ? {} : { kept: '0 to 100' })
  };
}

function isWithin(text: string, most: number): boolean {
  const number = Number(text);
  return text.trim() === '' || (number >= 0 && number <= most);
}
