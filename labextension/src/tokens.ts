import type { NotebookPanel } from '@jupyterlab/notebook';
import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { LablineClient } from './api/client';
import type { EventStream } from './api/events';
import type { OpenNotebook } from './model/notebook';
import type { NotebookPipeline } from './model/pipeline';
import type { RunStore } from './model/runs';

/** The Labline API of the Jupyter server and what is known from it. */
export interface ILablineServer {
  readonly client: LablineClient;
  readonly events: EventStream;
  readonly runs: RunStore;
}

export const ILablineServer = new Token<ILablineServer>(
  '@labline/labextension:ILablineServer',
  'The Labline API of the Jupyter server: requests, live events, and the runs known from them.'
);

/** An open notebook and the pipeline it means. */
export interface IPipelineNotebook {
  readonly notebook: OpenNotebook;
  readonly pipeline: NotebookPipeline;
}

/** The open notebooks as pipelines. */
export interface ILablineNotebooks {
  /** The notebook that has, or last had, the focus. */
  readonly current: IPipelineNotebook | null;
  readonly currentChanged: ISignal<ILablineNotebooks, void>;
  /** A notebook was opened and has its content. */
  readonly opened: ISignal<ILablineNotebooks, IPipelineNotebook>;
  readonly all: readonly IPipelineNotebook[];
  of(panel: NotebookPanel): IPipelineNotebook | null;
}

export const ILablineNotebooks = new Token<ILablineNotebooks>(
  '@labline/labextension:ILablineNotebooks',
  'The open notebooks, each with its pipeline: steps, compilation, parameters and last run.'
);

/** Commands that other extensions may call. */
export namespace CommandIDs {
  /** Edit the step of the active cell. */
  export const editStep = 'labline:edit-step';
  /** Edit the options of the argument `step`; without one, of that of the active cell. */
  export const stepOptions = 'labline:step-options';
  /** Show the Pipeline panel. */
  export const showPanel = 'labline:show-pipeline';
  /** Run the current notebook as a pipeline. */
  export const runPipeline = 'labline:run-pipeline';
  /** Run to the argument `step` and all that it needs; without one, that of the active cell. */
  export const runToStep = 'labline:run-to-step';
  /** Run from the argument `step` and all that needs it; without one, that of the active cell. */
  export const runFromStep = 'labline:run-from-step';
  /** Run only the argument `step`; without one, that of the active cell. */
  export const runOnlyStep = 'labline:run-only-step';
  /** Run every step, also those whose result is known. */
  export const runWithoutCache = 'labline:run-without-cache';
  /** Ask which steps to run, and how, and run them. */
  export const runWithOptions = 'labline:run-with-options';
  /** Ask when the current notebook is to run again and again, and have it run then. */
  export const runOnSchedule = 'labline:run-on-schedule';
  /** Ask where a cluster is, and how it is used, and have it among the targets. */
  export const addTarget = 'labline:add-target';
  /** Ask what is to be another of the target that the argument `target` names, or else of one that is chosen. */
  export const editTarget = 'labline:edit-target';
  /** Sign in to the target that the argument `target` names, or else to one that is chosen; whether that was done. */
  export const signIn = 'labline:sign-in';
  /** Forget the target that the argument `target` names, or else one that is chosen. */
  export const removeTarget = 'labline:remove-target';
  /** Ask for other parameters, and run once more what the argument `run` was made of. */
  export const runAgain = 'labline:run-again';
  /** Verify that the current notebook's pipeline computes what the notebook computes. */
  export const verifyPipeline = 'labline:verify-pipeline';
  /** Open the notebook where the argument `step` of the argument `run` failed, in a kernel that is there. */
  export const openAtFailure = 'labline:open-at-failure';
  /** Open the list of runs, the run that the argument `run` names, or the recurring ones if `recurring` is true. */
  export const openRuns = 'labline:open-runs';
  /** Open the list of registered models, or the one that the argument `model` names. */
  export const openModels = 'labline:open-models';
  /** Make a registered model of the prediction in the cell that the argument `cell` names; without one, in the active. */
  export const servePrediction = 'labline:serve-prediction';
  /** Open the list of endpoints, or the one that the argument `endpoint` names. */
  export const openEndpoints = 'labline:open-endpoints';
}
