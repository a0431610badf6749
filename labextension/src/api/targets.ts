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
  kubernetes: string | null;
  findings: Finding[];
}

/** Where one signs in to a target. */
export interface SignInPage {
  /** Scheme, host and port of the page that takes user name and password; `null` before a connector is chosen. */
  site: string | null;
  target_site: string;
  /** Dex's names for the ways to sign in, where it offers several. */
  connectors: string[];
}

/** What signing in takes: sent once, and kept nowhere. */
export interface SignInRequest {
  user: string;
  password: string;
  /** The site that they may go to. */
  site: string;
  connector: string | null;
}

/** A session that is kept where the target looks for it. */
export interface Session {
  /** In seconds since the epoch; `null` where it does not say. */
  expires: number | null;
  kept_in: string;
}

/** The code of the finding that nobody is signed in to a target. */
export const SIGNED_OUT = 'LL617';

/** Whether one can sign in to a target from here: its session has a place that can be written. */
export function maySignIn({ settings }: Target): boolean {
  const isKept = !(settings?.secret ?? 'env:').startsWith('env:');
  return settings?.auth === 'cookie' && isKept && !settings.port_forward;
}

export const LOCAL = 'local';
