/** The shapes of the REST API's `/packages`, as `openapi.yaml` names them. */

export type PackagingStage = 'slice' | 'run' | 'save' | 'try' | 'register';

export interface PackageRequest {
  path: string;
  /** The cell that predicts: its number, its id, or its step; `CELL:LINE` tells one call from several. */
  predict: string;
  name?: string;
  input?: string;
  tolerance?: number;
}

export interface Packaged {
  model: string;
  version: string;
  run: string;
  prediction: string;
  place: string;
  input: string;
  /** That requests bring. */
  columns: string[];
  /** That no feature needs. */
  absent: string[];
  /** Places where the notebook leaves out rows, or orders them. */
  left_out: string[];
  tried: { rows: number; requests: number; largest_difference: number };
  tolerance: number;
}

export interface Packaging {
  id: string;
  notebook: string;
  predict: string;
  state: 'running' | 'registered' | 'refused' | 'failed';
  /** What is done now, or where it ended. */
  stage: PackagingStage;
  began: number;
  ended: number | null;
  /** Why it is not registered. */
  message: string;
  /** Whether it is refused because the notebook has no finished run as it stands. */
  needs_run: boolean;
  packaged: Packaged | null;
}
