import type { Finding } from './types';

/** Where a run executes: this machine (`local`), or a cluster. */
export interface Target {
  name: string;
  kind: 'local' | 'kubeflow';
  host: string | null;
  namespace: string | null;
  /** `null` for this machine. */
  settings: TargetSettings | null;
}

/** How a target is used; a secret is only referred to. */
export interface TargetSettings {
  auth: 'none' | 'token' | 'cookie';
  secret: string | null;
  ca_file: string | null;
  root: string | null;
  image: string | null;
  kubeconfig: string | null;
  context: string | null;
  /** Bytes of the notebook's folder that travel with a run at most. */
  folder_limit: number;
  packages: string | null;
  plain_http: boolean;
  /** Whether the host is a Service, reached through the cluster's own API. */
  port_forward: boolean;
}

export interface TargetRequest extends TargetSettings {
  host: string;
  namespace: string | null;
}

/** What came of trying a target out. */
export interface TargetCheck {
  release: string | null;
  multi_user: boolean | null;
  findings: Finding[];
}

export const LOCAL = 'local';
