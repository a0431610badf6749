import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import { Signal, type ISignal } from '@lumino/signaling';

import type { DeployRequest, Endpoint, Example, Prediction, TrafficPoint } from './endpoints';
import { whole } from './logs';
import type {
  AliasMove,
  Judgement,
  Model,
  ModelLine,
  ModelVersion,
  Promotion,
  PromotionRequest
} from './models';
import type { PackageRequest, Packaging } from './packages';
import type { RecurringRun, RecurringRunChange, RecurringRunRequest, Schedule, Timing } from './recurring';
import { SIGNED_OUT, type Session, type SignInPage, type SignInRequest } from './targets';
import type { Target, TargetCheck, TargetRequest } from './targets';
import type {
  Compilation,
  Finding,
  Forecast,
  ForecastRequest,
  KeptProcess,
  Log,
  NotebookContent,
  Problem,
  Replay,
  Run,
  RunDetail,
  RunRequest,
  Status,
  Suggestion,
  VerificationRequest
} from './types';

/** Where the API lives under the Jupyter server's base URL. */
export const API_PATH = 'labline/api/v1';

/** The server refused, in its own words. `status` 0: it could not be reached. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly findings: Finding[] = []
  ) {
    super(message);
    this.name = 'ApiError';
  }

  /** Whether Labline itself is missing or out of reach, rather than this one request refused. */
  get unavailable(): boolean {
    return this.status === 0 || this.status === 404 || this.status >= 502;
  }

  /** Whether nobody is signed in to the target that was asked for. */
  get isSignedOut(): boolean {
    return this.findings.some(({ code }) => code === SIGNED_OUT);
  }

  /** What went wrong, and what to do next. */
  get advice(): string {
    const fix = this.findings.find(({ severity }) => severity === 'error')?.fix;
    return [this.message, fix].filter(Boolean).join(' ');
  }
}

/** The REST API, one method an operation. */
export class LablineClient {
  constructor(readonly settings: ServerConnection.ISettings) {}

  /** Asks whoever sits there to sign in to a target, and says whether they have; `null` where nobody can be asked. */
  askToSignIn: ((target: string) => Promise<boolean>) | null = null;

  status(): Promise<Status> {
    return this.call('GET', ['status']);
  }

  compile(path: string, content: NotebookContent, observed: boolean): Promise<Compilation> {
    return this.call('POST', ['pipelines'], {}, { path, content, observed });
  }

  suggest(path: string, content: NotebookContent): Promise<Suggestion> {
    return this.call('POST', ['suggestions'], {}, { path, content });
  }

  /** What a run would do. Asked for in vain once `signal` is aborted. */
  forecast(request: ForecastRequest, signal?: AbortSignal): Promise<Forecast> {
    return this.call('POST', ['forecasts'], {}, request, signal);
  }

  async listRuns(query: { limit?: number; before?: string; notebook?: string } = {}): Promise<Run[]> {
    const page = await this.call<{ runs: Run[] }>('GET', ['runs'], query);
    return page.runs;
  }

  async listTargets(): Promise<Target[]> {
    return (await this.call<{ targets: Target[] }>('GET', ['targets'])).targets;
  }

  /** Add a target, or change the one of this name. */
  putTarget(name: string, request: TargetRequest): Promise<Target> {
    return this.call('PUT', ['targets', name], {}, request);
  }

  /** Try out whether runs can be submitted to a target. */
  checkTarget(name: string): Promise<TargetCheck> {
    return this.call('POST', ['targets', name, 'check']);
  }

  /** Look for the page where one signs in to a target. */
  signInPage(name: string, connector: string | null): Promise<SignInPage> {
    return this.call('POST', ['targets', name, 'sign-in-page'], {}, { connector });
  }

  signIn(name: string, request: SignInRequest): Promise<Session> {
    return this.call('POST', ['targets', name, 'session'], {}, request);
  }

  /** A recurring run was made, changed or removed from here. */
  get recurringChanged(): ISignal<this, void> {
    return this._recurringChanged;
  }

  removeTarget(name: string): Promise<Target> {
    return this.call('DELETE', ['targets', name]);
  }

  /** What a timing means on a target; nothing is made. */
  readSchedule(timing: Timing, target: string, signal?: AbortSignal): Promise<Schedule> {
    return this.call('POST', ['schedules'], {}, { ...timing, target }, signal);
  }

  async listRecurringRuns(target: string): Promise<RecurringRun[]> {
    const answer = await this.call<{ recurring_runs: RecurringRun[] }>('GET', [
      'targets',
      target,
      'recurring-runs'
    ]);
    return answer.recurring_runs;
  }

  createRecurringRun(target: string, request: RecurringRunRequest): Promise<RecurringRun> {
    return this.changing(target, () => this.call('POST', ['targets', target, 'recurring-runs'], {}, request));
  }

  changeRecurringRun({ target, id }: RecurringRun, change: RecurringRunChange): Promise<RecurringRun> {
    const path = ['targets', target, 'recurring-runs', id];
    return this.changing(target, () => this.call('PATCH', path, {}, change));
  }

  pauseRecurringRun({ target, id }: RecurringRun, paused: boolean): Promise<RecurringRun> {
    const path = ['targets', target, 'recurring-runs', id];
    return this.changing(target, () => this.call('PATCH', path, {}, { paused }));
  }

  removeRecurringRun({ target, id }: RecurringRun): Promise<RecurringRun> {
    return this.changing(target, () => this.call('DELETE', ['targets', target, 'recurring-runs', id]));
  }

  getRun(run: string): Promise<RunDetail> {
    return this.call('GET', ['runs', run]);
  }

  createRun(request: RunRequest): Promise<RunDetail> {
    return this.signedIn(request.target, () => this.call('POST', ['runs'], {}, request));
  }

  /** Start a run that is verified when it has ended. */
  createVerification(request: VerificationRequest): Promise<RunDetail> {
    return this.signedIn(request.target, () => this.call('POST', ['verifications'], {}, request));
  }

  /** Where the certificate of a run can be fetched, with every digest. */
  certificateUrl(run: string): string {
    return URLExt.join(this.settings.baseUrl, API_PATH, 'runs', encodeURIComponent(run), 'certificate');
  }

  cancelRun(run: string): Promise<Run> {
    return this.call('POST', ['runs', run, 'cancel'], {}, {});
  }

  /** Go on with a run that has stopped, with its notebook as it is now; without `content` as it is saved. */
  resumeRun(run: string, path: string, content?: NotebookContent): Promise<RunDetail> {
    return this.call('POST', ['runs', run, 'resume'], {}, { path, content });
  }

  /** Go on with a run on a target from where it stopped there, or follow it again. */
  retryRun(run: string): Promise<RunDetail> {
    return this.call('POST', ['runs', run, 'retry'], {}, {});
  }

  /** Run once more what a run was made of; `parameters` count instead of its own. */
  cloneRun(run: string, parameters: Record<string, string>, target: string): Promise<RunDetail> {
    return this.signedIn(target, () => this.call('POST', ['runs', run, 'clone'], {}, { parameters, target }));
  }

  /** What a fresh kernel has to run to be where a step failed. */
  replay(run: string, step: string): Promise<Replay> {
    return this.call('POST', ['runs', run, 'steps', step, 'replay'], {}, {});
  }

  async listKeptProcesses(): Promise<KeptProcess[]> {
    return (await this.call<{ processes: KeptProcess[] }>('GET', ['kept-processes'])).processes;
  }

  /** Have the process of a failed step go that has stayed. */
  release(run: string, step: string): Promise<{ released: boolean }> {
    return this.call('POST', ['runs', run, 'steps', step, 'release'], {}, {});
  }

  log(run: string, step: string, offset = 0): Promise<Log> {
    return this.call('GET', ['runs', run, 'steps', step, 'log'], { offset });
  }

  wholeLog(run: string, step: string): Promise<string> {
    return whole(offset => this.log(run, step, offset));
  }

  notebook(run: string, step: string): Promise<NotebookContent> {
    return this.call('GET', ['runs', run, 'steps', step, 'notebook']);
  }

  async listModels(): Promise<ModelLine[]> {
    return (await this.call<{ models: ModelLine[] }>('GET', ['models'])).models;
  }

  getModel(model: string): Promise<Model> {
    return this.call('GET', ['models', model]);
  }

  /** Say what a version must fulfil to be promoted. */
  setGate(model: string, gate: readonly string[]): Promise<Model> {
    return this.call('PUT', ['models', model, 'gate'], {}, { gate });
  }

  async judge(model: string, version: string): Promise<Judgement[]> {
    const path = ['models', model, 'versions', version, 'judgements'];
    return (await this.call<{ judgements: Judgement[] }>('GET', path)).judgements;
  }

  approve(model: string, version: string, note: string): Promise<ModelVersion> {
    return this.call('POST', ['models', model, 'versions', version, 'approvals'], {}, { note });
  }

  promote(model: string, request: PromotionRequest): Promise<Promotion> {
    return this.call('POST', ['models', model, 'promotions'], {}, request);
  }

  /** Take back the last promotion to `alias`. */
  rollBack(model: string, alias: string): Promise<AliasMove> {
    return this.call('POST', ['models', model, 'rollbacks'], {}, { alias });
  }

  /** Start to make a model of a notebook's prediction. */
  packageModel(request: PackageRequest): Promise<Packaging> {
    return this.call('POST', ['packages'], {}, request);
  }

  getPackaging(packaging: string): Promise<Packaging> {
    return this.call('GET', ['packages', packaging]);
  }

  async listEndpoints(): Promise<Endpoint[]> {
    return (await this.call<{ endpoints: Endpoint[] }>('GET', ['endpoints'])).endpoints;
  }

  getEndpoint(endpoint: string): Promise<Endpoint> {
    return this.call('GET', ['endpoints', endpoint]);
  }

  /** Have an endpoint serve something, whether it is there or not. Answered at once. */
  deploy(request: DeployRequest): Promise<Endpoint> {
    return this.call('POST', ['endpoints'], {}, request);
  }

  scaleEndpoint(endpoint: string, workers: number): Promise<Endpoint> {
    return this.call('PATCH', ['endpoints', endpoint], {}, { workers });
  }

  stopEndpoint(endpoint: string): Promise<Endpoint> {
    return this.call('POST', ['endpoints', endpoint, 'stop'], {}, {});
  }

  removeEndpoint(endpoint: string): Promise<Endpoint> {
    return this.call('DELETE', ['endpoints', endpoint]);
  }

  /** The end of what one printed, or of its log of requests. */
  async endpointLog(endpoint: string, access: boolean, lines = 200): Promise<string> {
    return (
      await this.call<{ text: string }>('GET', ['endpoints', endpoint, 'log'], {
        access: String(access),
        lines
      })
    ).text;
  }

  /** What an endpoint has answered in the last minutes. */
  async traffic(endpoint: string): Promise<TrafficPoint[]> {
    return (await this.call<{ points: TrafficPoint[] }>('GET', ['endpoints', endpoint, 'traffic'])).points;
  }

  /** What a version that an endpoint serves takes. */
  async example({ path, spec }: Endpoint, version: string): Promise<Example> {
    const model = ['v2', 'models', spec.model, 'versions', version, 'example'].map(encodeURIComponent);
    const { status, document } = await this.ask(path + model.join('/'));
    if (status !== 200) {
      throw new ApiError((document as { error?: string })?.error ?? 'The endpoint does not answer.', status);
    }
    return document as Example;
  }

  /** Ask an endpoint, through the Jupyter server; `version` counts instead of its split. */
  predict({ path }: Endpoint, body: string, version: string | null): Promise<Prediction> {
    const headers = { 'Content-Type': 'application/json' };
    return this.ask(`${path}invocations`, {
      method: 'POST',
      body,
      headers: version === null ? headers : { ...headers, 'X-Labline-Version': version }
    });
  }

  /** A page the server names: absolute, or relative to its base URL. */
  pageUrl(url: string): string {
    return /^https?:/.test(url) ? url : URLExt.join(this.settings.baseUrl, url);
  }

  /** MLflow's own pages, behind the Jupyter server's login. */
  get mlflowUrl(): string {
    return this.pageUrl('labline/mlflow/');
  }

  /** Do *work* on a target, once more when somebody has signed in to it where it was refused for want of that. */
  private async signedIn<T>(target: string | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const isSignedOut = error instanceof ApiError && error.isSignedOut && target !== undefined;
      if (!isSignedOut || this.askToSignIn === null || !(await this.askToSignIn(target))) {
        throw error;
      }
      return work();
    }
  }

  private async changing(target: string, work: () => Promise<RecurringRun>): Promise<RecurringRun> {
    const done = await this.signedIn(target, work);
    this._recurringChanged.emit();
    return done;
  }

  private async ask(path: string, init: RequestInit = {}): Promise<Prediction> {
    const begun = performance.now();
    try {
      const url = URLExt.join(this.settings.baseUrl, path);
      const response = await ServerConnection.makeRequest(url, init, this.settings);
      const document = (await response.json().catch(() => null)) as unknown;
      const seconds = (performance.now() - begun) / 1000;
      return {
        status: response.status,
        version: response.headers.get('X-Labline-Version'),
        seconds,
        document
      };
    } catch {
      throw new ApiError('The Jupyter server does not answer.', 0);
    }
  }

  private async call<T>(
    method: string,
    parts: string[],
    query: Record<string, string | number | undefined> = {},
    body?: object,
    signal?: AbortSignal
  ): Promise<T> {
    const path = parts.map(encodeURIComponent).join('/');
    const given = Object.entries(query).filter(([, value]) => value !== undefined);
    const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
    const url = URLExt.join(this.settings.baseUrl, API_PATH, path) + (search && `?${search}`);
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        url,
        { method, body: body === undefined ? undefined : JSON.stringify(body), signal },
        this.settings
      );
    } catch {
      throw new ApiError('The Jupyter server does not answer.', 0);
    }
    const data = (await response.json().catch(() => null)) as unknown;
    if (response.ok && data !== null) {
      return data as T;
    }
    throw problemOf(data, response.status);
  }

  private readonly _recurringChanged = new Signal<this, void>(this);
}

function problemOf(data: unknown, status: number): ApiError {
  const problem = data as Partial<Problem> | null;
  if (status === 404 && !Array.isArray(problem?.findings)) {
    return new ApiError('Labline is not running on this Jupyter server.', 404);
  }
  const message = problem?.message || `The Jupyter server answered with error ${status}.`;
  // A run or step that Labline does not know is not a missing Labline.
  return new ApiError(message, status === 404 ? 410 : status, problem?.findings ?? []);
}
