/** The shapes of the REST API's `/models`, as `openapi.yaml` names them. */

import type { Metrics } from './types';

export interface ModelLine {
  name: string;
  description: string;
  /** To the version that each stands for. */
  aliases: Record<string, string>;
  newest: string | null;
  updated: number;
}

export interface Approval {
  who: string;
  when: number;
  note: string;
}

export interface ModelVersion {
  name: string;
  version: string;
  created: number;
  aliases: string[];
  metrics: Metrics;
  approvals: Approval[];
  /** Of its certificate. */
  verdict: string | null;
  run: string | null;
  step: string | null;
  mlflow_run: string | null;
  description: string;
}

export interface AliasMove {
  kind: 'promotion' | 'rollback';
  alias: string;
  version: string;
  previous: string | null;
  who: string;
  when: number;
  reason: string;
  /** The conditions that it was promoted in spite of. */
  failed: string[];
}

export interface Model {
  name: string;
  description: string;
  aliases: Record<string, string>;
  /** The newest first. */
  versions: ModelVersion[];
  older: number;
  gate: string[];
  /** The newest first. */
  history: AliasMove[];
}

export interface Judgement {
  condition: string;
  metric: string;
  value: number | null;
  bound: number | null;
  passed: boolean;
  why: string;
}

export interface Promotion {
  version: string;
  alias: string;
  judgements: Judgement[];
  /** `null` where the gate refused. */
  move: AliasMove | null;
}

export interface PromotionRequest {
  version: string;
  alias?: string;
  force?: boolean;
  reason?: string;
}
