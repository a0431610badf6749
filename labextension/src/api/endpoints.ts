/** The shapes of the REST API's `/endpoints`, as `openapi.yaml` names them, and of what endpoints answer themselves. */

export type EndpointState = 'starting' | 'ready' | 'failed' | 'stopped' | 'dead';

export interface Share {
  /** An alias or a version; empty for the newest. */
  reference: string;
  weight: number;
}

export interface EndpointSpec {
  model: string;
  shares: Share[];
  shadow: string | null;
  canary: { reference: string; errors: number; latency: number; requests: number } | null;
  workers: number;
  /** Whether a line is written for each request. */
  access_log: boolean;
}

export interface Endpoint {
  name: string;
  state: EndpointState;
  wanted: 'running' | 'stopped';
  created: number;
  generation: number;
  /** Where it is reached on the server's machine. */
  address: string | null;
  /** Where gRPC is. */
  grpc_address: string | null;
  /** Where it is reached below the Jupyter server's base URL. */
  path: string;
  spec: EndpointSpec;
  /** What the references of the spec stand for. */
  versions: Record<string, string>;
  /** Whether it has dealt with what is wanted. */
  settled: boolean;
  /** Whether it could not serve what was wanted last. */
  refused: boolean;
  message: string;
  /** Process ids. */
  workers: number[];
  asked_by: string[];
}

export interface DeployRequest {
  model: string;
  name?: string;
  split?: Record<string, number>;
  shadow?: string;
  canary?: string;
  max_errors?: number;
  max_latency?: number;
  workers?: number;
  grpc?: boolean;
  /** How far scores of ONNX may be off; 0 for none. */
  bound?: number;
  access_log?: boolean;
  /** The share of requests that is kept, from 0 to 1. */
  log_rate?: number;
  /** model: in an environment of its own where it was made with other packages; server: beside Labline. */
  environment?: 'model' | 'server';
}

export interface Answered {
  requests: number;
  errors: number;
  /** Seconds within which half of the answers came. */
  median: number;
  /** Seconds within which nine tenths of the answers came. */
  slow: number;
}

/** What was answered in a short stretch of time. */
export interface TrafficPoint {
  /** When it ended, in seconds since the epoch. */
  time: number;
  seconds: number;
  versions: Record<string, Answered>;
}

export interface Column {
  name: string;
  kind: string;
  required: boolean;
}

/** What a version takes, as it says itself. */
export interface Example {
  model: string;
  version: string;
  columns: Column[];
  tensors: { name: string | null; dtype: string; shape: number[] }[];
  /** For `/invocations`; `null` where nothing is known. */
  body: Record<string, unknown> | null;
  made_up: boolean;
}

/** What came of asking an endpoint. */
export interface Prediction {
  status: number;
  version: string | null;
  seconds: number;
  document: unknown;
}
