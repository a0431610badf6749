import { ApiError, type LablineClient } from '../api/client';
import type { Compilation, Graph } from '../api/types';
import { withoutOutputs, type NotebookSource } from './notebook';

const RETRY_DELAY = 4000;

/** Keeps what one notebook compiles to current: asks when it is due, and never twice at a time. */
export class Compiler {
  /**
   * `settled` is called when an answer has come, or when there was nothing new to ask for (`isNew` false);
   * `isConnected` tells whether asking again, after the server was away, may help.
   */
  constructor(
    private readonly source: NotebookSource,
    private readonly client: Pick<LablineClient, 'compile'>,
    private readonly isConnected: () => boolean,
    private readonly settled: (isNew: boolean) => void
  ) {}

  /** Whether what earlier runs saw the steps do is reckoned with. */
  observed = true;

  get compilation(): Compilation | null {
    return this._compilation;
  }

  /** The last graph that compiled. */
  get graph(): Graph | null {
    return this._graph;
  }

  /** Why nothing can be compiled, in one sentence. */
  get trouble(): string | null {
    return this._trouble;
  }

  /** What is known is about to be replaced. */
  get isPending(): boolean {
    return this.compiling || this.due !== null;
  }

  /** Compile in `delay` milliseconds, and from then on after failures, until `stop`. */
  soon(delay: number): void {
    this.active = true;
    if (this.compiling) {
      this.again = true;
      return;
    }
    // Typing puts the next compilation off; a changed tag, once due, is not put off by what follows it.
    if (this.due === 0) {
      return;
    }
    this.due = delay;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.due = null;
      void this.compile();
    }, delay);
  }

  /** The next compilation is asked for even where the notebook is what it was. */
  forget(): void {
    this.compiled = '';
  }

  /** Nobody looks any more. */
  stop(): void {
    this.active = false;
    this.again = false;
    clearTimeout(this.timer);
    this.due = null;
  }

  private async compile(): Promise<void> {
    const { path } = this.source;
    const content = withoutOutputs(this.source.content({ ids: true }));
    const text = path + JSON.stringify(content);
    if (text === this.compiled) {
      this.settled(false); // an execution or an output, nothing that a pipeline is made of
      return;
    }
    this.compiling = true;
    let retry = false;
    try {
      this.compiled = text; // before it is asked for: meanwhile a run may end, after which it is to be asked again
      this._compilation = await this.client.compile(path, content, this.observed);
      this._graph = this._compilation.pipeline ?? this._graph;
      this._trouble = null;
    } catch (error) {
      this.compiled = '';
      this._trouble = error instanceof Error ? error.message : String(error);
      retry = !(error instanceof ApiError) || error.unavailable;
    }
    this.compiling = false;
    if (this.again) {
      this.again = false;
      this.soon(0);
    } else if (retry && this.active && this.isConnected()) {
      this.soon(RETRY_DELAY);
    } // else the connection, once it is back, compiles
    this.settled(true);
  }

  private _compilation: Compilation | null = null;
  private _graph: Graph | null = null;
  private _trouble: string | null = null;
  private active = false;
  private compiled = '';
  private due: number | null = null;
  private compiling = false;
  private again = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
}
