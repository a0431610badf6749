import type { Run, RunDetail, StepRun } from '../api/types';

/**
 * A run that is looked at. What an event tells of one step is noted without a look at the others; the whole record is
 * put together anew when it is asked for.
 */
export class LiveRun {
  constructor(detail: RunDetail) {
    this._detail = detail;
    this.places = new Map(detail.steps.map(({ name }, index) => [name, index]));
  }

  /** The run as it stands; the same object as long as nothing changes. */
  get detail(): RunDetail {
    if (this.news.size > 0) {
      const steps = [...this._detail.steps];
      this.news.forEach((step, name) => (steps[this.places.get(name)!] = step));
      this.news.clear();
      this._detail = { ...this._detail, steps };
    }
    return this._detail;
  }

  /** The part of the record that `Run` has, without its steps put together. */
  get run(): Run {
    return this._detail;
  }

  /** One step as it stands. */
  step(name: string): StepRun | null {
    const place = this.places.get(name);
    return this.news.get(name) ?? (place === undefined ? null : this._detail.steps[place]);
  }

  /** Take in one step; one that the run does not have is passed over. */
  setStep(step: StepRun): void {
    if (this.places.has(step.name)) {
      this.news.set(step.name, step);
    }
  }

  /** Take in what is told of the run itself. */
  setRun(run: Partial<Run>): void {
    this._detail = { ...this._detail, ...run };
  }

  private _detail: RunDetail;
  private readonly places: ReadonlyMap<string, number>;
  private readonly news = new Map<string, StepRun>();
}
